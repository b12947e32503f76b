"""A real web server on the loopback that misbehaves as told, and counts what it sends."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

from touchline.sources.fetch.mirror import RetryPolicy

PIECE = 2**16
QUICK = RetryPolicy(tries=3, first=0.01, longest=0.5, timeout=5.0)


def content(size: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Origin:
    """What the server has and how it behaves; `served` are bytes handed to the socket."""

    files: dict[str, Any] = field(default_factory=dict)  # path -> bytes or Path
    etag: str = '"v1"'
    ranges: bool = True
    drop: int = 0  # bytes after which a line is cut, 0 never
    lengthless: bool = False  # the end of the line is the end of the file
    pause: float = 0.0  # seconds between two pieces
    busy: int = 0  # every so many requests are answered 503, 0 none
    retry_after: str = "0"
    status: int = 0  # answer everything with this
    password: str = ""  # the Authorization that is asked for
    redirect: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)  # sent along
    served: int = 0
    active: int = 0
    busiest: int = 0  # requests answered at the same time
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"


@contextmanager
def serving(origin: Origin) -> Iterator[Origin]:
    class Handler(_Handler):
        known = origin

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, origin.port = True, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    known: Origin

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * PIECE)  # count closely

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        known = self.known
        with known.lock:
            known.seen.append((self.path, dict(self.headers)))
            known.active += 1
            known.busiest = max(known.busiest, known.active)
            number = len(known.seen)
        try:
            self._answer(known, number)
        finally:
            with known.lock:
                known.active -= 1

    def _answer(self, known: Origin, number: int) -> None:
        path = unquote(self.path.split("?")[0][1:])
        if path in known.redirect:
            self._say(302, {"Location": known.redirect[path], **known.headers})
        elif known.status:
            self._say(known.status, known.headers)
        elif known.busy and number % known.busy == 0:
            self._say(503, {"Retry-After": known.retry_after})
        elif known.password and self.headers.get("Authorization") != known.password:
            self._say(401, {})
        elif path not in known.files:
            self._say(404, {})
        elif known.etag and self.headers.get("If-None-Match") == known.etag:
            self._say(304, {"ETag": known.etag})
        else:
            self._send(known, known.files[path])

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, known: Origin, file: bytes | Path) -> None:
        total = len(file) if isinstance(file, bytes) else file.stat().st_size
        at = self._start(known)
        if at >= total > 0:
            self._say(416, {"Content-Range": f"bytes */{total}"})
            return
        self.send_response(206 if at else 200)
        if at:
            self.send_header("Content-Range", f"bytes {at}-{total - 1}/{total}")
        headers = {
            "Content-Length": str(total - at),
            **({"ETag": known.etag} if known.etag else {}),
        }
        if known.lengthless:
            headers = {"Connection": "close"}
        for name, value in (headers | known.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self._body(known, file, at, min(total, at + known.drop) if known.drop else total, total)

    def _start(self, known: Origin) -> int:
        asked, same = self.headers.get("Range"), self.headers.get("If-Range", known.etag)
        if not (known.ranges and asked and same == known.etag):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _body(self, known: Origin, file: bytes | Path, at: int, end: int, total: int) -> None:
        try:
            for piece in _pieces(file, at, end):
                self.connection.sendall(piece)
                with known.lock:
                    known.served += len(piece)
                time.sleep(known.pause)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        if end < total:
            self.close_connection = True


def _pieces(file: bytes | Path, at: int, end: int) -> Iterator[bytes]:
    if isinstance(file, bytes):
        for start in range(at, end, PIECE):
            yield file[start : min(end, start + PIECE)]
        return
    with file.open("rb") as stream:
        stream.seek(at)
        while at < end and (piece := stream.read(min(PIECE, end - at))):
            at += len(piece)
            yield piece
