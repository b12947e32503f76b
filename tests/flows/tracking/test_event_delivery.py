"""Sending events: in order, once, and a network that fails costs nothing but time."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.tracking import event_chain, event_delivery
from tests.flows.tracking.test_event_chain import event, withdrawn


class Listener(HTTPServer):
    """An OpenLineage endpoint that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.got: list[tuple[str, str, bytes]] = []
        self.status = [200]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.status.pop(0) if len(self.server.status) > 1 else self.server.status[0]
        if status == 200:
            self.server.got.append((self.path, self.headers.get("authorization", ""), body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    event_chain.append_to_chain(file, [event(1), event(2)])
    return file


def test_events_arrive_once_and_in_order_as_they_stand_in_the_file(
    file: Path, listener: Listener
) -> None:
    to = event_delivery.LineageEndpoint(listener.url, key="s3cret")
    assert event_delivery.send_waiting_events(file, to) == ""
    event_chain.append_to_chain(file, [event(3)])
    assert (
        event_delivery.send_waiting_events(file, to) == ""
        and event_delivery.send_waiting_events(file, to) == ""
    )
    assert [body for _, _, body in listener.got] == file.read_bytes().splitlines()
    assert {(path, key) for path, key, _ in listener.got} == {("/api/v1/lineage", "Bearer s3cret")}
    assert not any("s3cret" in one.read_text() for one in file.parent.iterdir())


def test_what_cannot_be_sent_waits_and_goes_later(file: Path, listener: Listener) -> None:
    nobody = event_delivery.LineageEndpoint("http://127.0.0.1:9")
    said = event_delivery.send_waiting_events(file, nobody)
    assert said.startswith("2 lineage events wait for 127.0.0.1: ") and "refused" in said
    listener.status = [200, 503]
    to = event_delivery.LineageEndpoint(listener.url)
    assert (
        event_delivery.send_waiting_events(file, to)
        == "1 lineage events wait for 127.0.0.1: it answers 503"
    )
    listener.status = [200]
    assert event_delivery.send_waiting_events(file, to) == ""
    assert [json.loads(body)["run"]["runId"][-1] for _, _, body in listener.got] == ["1", "2"]


def test_an_event_refused_for_good_is_noted_and_holds_nobody_up(
    file: Path, listener: Listener
) -> None:
    listener.status = [422, 200]
    assert (
        event_delivery.send_waiting_events(file, event_delivery.LineageEndpoint(listener.url)) == ""
    )
    (far,) = json.loads((file.parent / "sent.json").read_text()).values()
    assert far["refused"] == [[event_chain.read_chain(file).links[0].digest, 422]]
    assert len(listener.got) == 1


def test_an_address_that_is_none_is_a_sentence_too(file: Path) -> None:
    assert "wait for no host" in event_delivery.send_waiting_events(
        file, event_delivery.LineageEndpoint("nonsense")
    )


def test_words_that_were_withdrawn_send_nothing_again_but_the_event_that_says_so(
    file: Path, listener: Listener
) -> None:
    to = event_delivery.LineageEndpoint(listener.url)
    assert event_delivery.send_waiting_events(file, to) == ""
    assert (
        event_chain.redact_chain(
            file, lambda line: line.replace(b"retrain", b"(w)"), withdrawn("s1")
        )
        == 2
    )
    assert event_delivery.send_waiting_events(file, to) == ""
    assert [json.loads(body)["run"]["runId"][-1] for _, _, body in listener.got] == ["1", "2", "9"]


def test_a_file_of_events_that_was_begun_anew_is_sent_from_its_beginning(
    file: Path, listener: Listener
) -> None:
    to = event_delivery.LineageEndpoint(listener.url)
    event_delivery.send_waiting_events(file, to)
    file.unlink()
    event_chain.append_to_chain(file, [event(3)])
    assert event_delivery.send_waiting_events(file, to) == "" and len(listener.got) == 3


def test_a_note_of_before_that_counts_bytes_sends_nothing_again(
    file: Path, listener: Listener
) -> None:
    to = event_delivery.LineageEndpoint(listener.url)
    first = len(file.read_bytes().splitlines(keepends=True)[0])
    book = file.with_name("sent.json")
    book.write_text(json.dumps({to.url_digest: {"bytes": first, "refused": []}}))
    assert event_delivery.send_waiting_events(file, to) == "" and len(listener.got) == 1


def test_an_address_with_a_faulty_host_is_a_sentence_without_it(file: Path) -> None:
    said = event_delivery.send_waiting_events(
        file, event_delivery.LineageEndpoint("http://me:s3cret@[::1")
    )
    assert "wait for no host" in said and "s3cret" not in said
