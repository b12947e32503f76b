"""What listens is for this machine alone, unless told otherwise: as the kernel lists sockets."""

import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from flows import cli
from flows.services.prefect_server import PREFECT_ARGUMENTS, find_free_port
from tests.listening import listening, open_to_others
from touchline.serving.server import JsonBody, serve_chat_backend

HERE, EVERYWHERE = ("127.0.0.1", "::1"), ("0.0.0.0", "::")


class Nobody:
    """Has nothing to say."""

    name = "nobody"

    async def answer(self, body: JsonBody) -> JsonBody:
        return {
            "message": {"role": "assistant", "content": ""},
            "finish_reason": "stop",
            "usage": {},
        }


def asked(*words: str) -> str:
    """The host that `touchline serve` is going to listen on."""
    return cli.build_cli_parser().parse_args(["serve", "scripted", *words]).host


@contextmanager
def served(host: str) -> Iterator[set[tuple[str, int]]]:
    """The real server in a process of its own; where it listens."""
    port = find_free_port()
    job = multiprocessing.get_context("fork").Process(
        target=serve_chat_backend, args=(Nobody(), host, port)
    )
    job.start()
    try:
        until, found = time.monotonic() + 60, set[tuple[str, int]]()
        while not found and time.monotonic() < until:
            time.sleep(0.05)
            found = {one for one in listening([psutil.Process(job.pid)]) if one[1] == port}
        yield found
    finally:
        job.terminate()
        job.join(20)


def test_an_endpoint_of_ours_listens_on_this_machine_alone() -> None:
    with served(asked()) as places:
        assert places and {host for host, _ in places} <= set(HERE)
        assert open_to_others(places) == []


def test_an_endpoint_listens_for_others_when_it_is_told_to() -> None:
    with served(asked("--host", "0.0.0.0")) as places:
        assert open_to_others(places) == sorted(places) and places


def test_the_kernels_list_tells_what_is_open_to_others_from_what_is_not() -> None:
    for host, family in (("127.0.0.1", socket.AF_INET), ("0.0.0.0", socket.AF_INET),
                         ("::1", socket.AF_INET6), ("::", socket.AF_INET6)):  # fmt: skip
        with closing(socket.socket(family)) as one:
            try:
                one.bind((host, 0))
            except OSError:
                pytest.skip(f"no {host} here")
            one.listen()
            place = (host, one.getsockname()[1])
            assert place in listening([psutil.Process()])
            assert (place in open_to_others(listening([psutil.Process()]))) is (host in EVERYWHERE)


def test_the_prefect_server_of_a_run_is_told_the_loopback_in_words() -> None:
    assert (
        PREFECT_ARGUMENTS[PREFECT_ARGUMENTS.index("--host") + 1] in HERE
    )  # no setting of the environment opens it
