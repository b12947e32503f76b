"""Who listens: the sockets of a process and of all it started, as the kernel lists them."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import psutil

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTEN = "0A"
WORD = 4  # bytes of an address that the kernel writes in its own order


def listening(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket on which one of these, or a child, listens."""
    every = [one for top in processes for one in _family(top)]
    mine = {inode for one in every for inode in _inodes(one.pid)}
    return {place for inode, place in _sockets() if inode in mine}


def open_to_others(places: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those that another machine could reach."""
    return sorted(place for place in places if not ip_address(place[0]).is_loopback)


def _family(top: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [top, *top.children(recursive=True)]
    return []


def _inodes(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for held in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                name = str(held.readlink())
                if name.startswith("socket:["):
                    yield name[8:-1]


def _sockets() -> Iterator[tuple[str, tuple[str, int]]]:
    for table in map(Path, TABLES):
        for line in table.read_text().splitlines()[1:] if table.is_file() else ():
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTEN:
                address, _, port = local.partition(":")
                yield inode, (_address(address), int(port, 16))


def _address(written: str) -> str:
    data = bytes.fromhex(written)
    words = [data[at : at + WORD][::-1] for at in range(0, len(data), WORD)]
    return str(ip_address(b"".join(words)))
