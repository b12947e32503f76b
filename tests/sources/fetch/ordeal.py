"""The ordeal of a download: a line that is cut, a server that is busy, a process that is killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from pathlib import Path
from touchline.sources.fetch import FileRequest, fetch_files
url, folder, sha256, bytes, endpoint = sys.argv[1:]
fetch_files([FileRequest("film.bin", (url,), sha256, int(bytes), "")], Path(folder), 2, endpoint)
"""


def survive(
    url: str,
    folder: Path,
    sha256: str,
    bytes: int,
    served: Callable[[], int],
    endpoint: str = "",
    kills: tuple[float, ...] = (0.3, 0.7),
) -> float:
    """Fetch in processes of their own, killed once such shares are served. Returns CPU seconds."""
    before = os.times()
    given = [url, str(folder), sha256, str(bytes), endpoint]
    for share in (*kills, None):
        child = subprocess.Popen([sys.executable, "-c", SCRIPT, *given], cwd=ROOT)
        while share and served() < share * bytes and child.poll() is None:
            time.sleep(0.002)
        if share:
            assert child.poll() is None, "it ended before it could be killed"
            child.send_signal(signal.SIGKILL)
        assert child.wait() == (-signal.SIGKILL if share else 0)
    after = os.times()
    return after.children_user + after.children_system - before[2] - before[3]


@dataclass
class Cutter:
    """A line to a server that is cut after so many bytes of it; `served` counts them all."""

    target: tuple[str, int]
    cut: int
    pause: float
    served: int = 0
    cuts: int = 0
    port: int = 0
    lock: Any = field(default_factory=threading.Lock)


@contextmanager
def cutting(line: Cutter) -> Iterator[Cutter]:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        line.port = ear.getsockname()[1]
        threading.Thread(target=_accept, args=(ear, line), daemon=True).start()
        yield line


def _accept(ear: socket.socket, line: Cutter) -> None:
    while True:
        try:
            near, _ = ear.accept()
        except OSError:
            return
        far = socket.create_connection(line.target)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**17)
        threading.Thread(target=_up, args=(near, far), daemon=True).start()
        threading.Thread(target=_down, args=(far, near, line), daemon=True).start()


def _up(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while asked := near.recv(2**16):
            far.sendall(asked)
    far.close()


def _down(far: socket.socket, near: socket.socket, line: Cutter) -> None:
    passed = 0
    with suppress(OSError):
        while passed < line.cut and (piece := far.recv(2**16)):
            near.sendall(piece)
            passed += len(piece)
            with line.lock:
                line.served += len(piece)
            time.sleep(line.pause)
    line.cuts += passed >= line.cut
    for end in (near, far):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
