"""Each request is asked once and paid once; whatever the server does becomes a counted row."""

from pathlib import Path

import pytest
from aiohttp import web

from tests.endpoint.conftest import asked, at, questions
from tests.endpoint.stand_in import StandIn, completion, standing_in
from touchline.endpoint import SpendingLimit, SpendParams, build_chat_request
from touchline.endpoint.reply_cache import ReplyCache
from touchline.errors import InputError

KEY = "TOUCHLINE_TEST_KEY"


def test_every_request_gets_its_own_reply_and_a_second_time_from_the_store(tmp_path: Path):
    with standing_in(StandIn(latency=0.01)) as server:
        endpoint = at(server.url)
        first = asked(endpoint, tmp_path, questions(endpoint, 50))
        again = asked(endpoint, tmp_path, questions(endpoint, 50))
    assert [reply.text for reply in first] == [f"echo say {n}" for n in range(50)]
    assert all(reply.paid and reply.cost == pytest.approx(3e-4) for reply in first)
    assert [reply.text for reply in again] == [reply.text for reply in first]
    assert not any(reply.paid for reply in again)
    assert server.counts["requests"] == server.billed.total() == 50


def test_refusals_failures_and_cut_lines_are_tried_again_until_each_has_its_reply(tmp_path: Path):
    behaviour = StandIn(latency=0.01, slots=3, retry_after="0.05", drop=0.1, fail=0.1)
    with standing_in(behaviour) as server:
        endpoint = at(server.url, in_flight=16, tries=9)
        replies = asked(endpoint, tmp_path, questions(endpoint, 120))
    assert [reply.text for reply in replies] == [f"echo say {n}" for n in range(120)]
    assert server.counts["refused"] and server.counts["failed"] and server.counts["dropped"]
    assert set(server.billed.values()) == {1}


def test_more_tokens_ask_again_only_what_was_cut_off(tmp_path: Path):
    def script(body: dict, _: int) -> dict:
        cut = body["max_tokens"] < 100 and body["messages"][0]["content"].endswith("3")
        return completion("said", finish="length" if cut else "stop")

    with standing_in(StandIn(script=script)) as server:
        for limit in (64, 64, 128, 128):
            endpoint = at(server.url, sampling={"max_tokens": limit, "temperature": 0.5})
            replies = asked(endpoint, tmp_path, questions(endpoint, 20))
    assert [len(server.seen), sum(body["max_tokens"] == 128 for body in server.seen)] == [22, 2]
    assert {reply.finish for reply in replies} == {"stop"}


@pytest.mark.parametrize("change", [{"temperature": 0.9}, {"seed": 2}, {"top_p": 0.5}])
def test_another_way_of_sampling_is_another_request(tmp_path: Path, change: dict):
    with standing_in(StandIn()) as server:
        for sampling in ({"max_tokens": 64}, {"max_tokens": 64} | change):
            endpoint = at(server.url, sampling=sampling)
            asked(endpoint, tmp_path, questions(endpoint, 3))
    assert len(server.seen) == 6


FAULTS = {
    "web page in place of a reply": "<html><body>Sign in</body></html>",
    "invalid JSON": '{"choices": [',
    "no chat completion": '{"object": "list"}',
    "empty answer": completion("  \n"),
    "refusal": completion(None, refusal="I cannot help with that."),
    "vanished model": (404, "The model `m` does not exist"),
    "request refused": (400, "context too long"),
    "status 500": (500, "oops"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_comes_back_is_a_counted_row(tmp_path: Path, fault: str):
    def script(body: dict, _: int) -> web.Response | dict | str | None:
        given = FAULTS[fault]
        if not body["messages"][0]["content"].endswith("7"):
            return None
        if isinstance(given, tuple):
            return web.Response(status=given[0], text=given[1])
        return web.json_response(given) if isinstance(given, dict) else web.Response(text=given)

    with standing_in(StandIn(script=script)) as server:
        endpoint = at(server.url, tries=2)
        replies = asked(endpoint, tmp_path, questions(endpoint, 10))
    assert [reply.fault for reply in replies] == [""] * 7 + [fault] + [""] * 2
    store = ReplyCache(tmp_path)
    assert store.count_by_fault() == {"good": 9, fault: 1, "in doubt": 0}
    store.close()


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_key_stops_at_the_first_request_and_is_never_told(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KEY, "sk-very-secret")

    def script(*_: object) -> web.Response:
        return web.Response(status=status, text="Incorrect key: sk-very-secret")

    with standing_in(StandIn(script=script)) as server:
        endpoint = at(server.url, key=KEY)
        with pytest.raises(InputError, match=KEY) as fault:
            asked(endpoint, tmp_path, questions(endpoint, 40))
    assert server.counts["requests"] == 1
    assert "sk-very-secret" not in str(fault.value)
    assert b"sk-very-secret" not in b"".join(f.read_bytes() for f in tmp_path.iterdir())


def test_the_key_goes_with_every_request_and_never_into_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KEY, "sk-very-secret")
    repeat = completion("your key is sk-very-secret")
    with standing_in(StandIn(password="sk-very-secret", script=lambda *_: repeat)) as server:
        endpoint = at(server.url, key=KEY)
        replies = asked(endpoint, tmp_path, questions(endpoint, 4))
    assert {reply.text for reply in replies} == {"your key is ***"}
    assert b"sk-very-secret" not in b"".join(f.read_bytes() for f in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://127.0.0.1:9/v1"}, "cannot be reached"),
        ({"url": "ftp://127.0.0.1/v1"}, "not an http"),
        ({"url": "http://user:word@127.0.0.1/v1"}, "without a user"),
        ({"url": "http://example.org/v1", "key": KEY}, "unencrypted"),
        ({"url": "http://127.0.0.1:9/v1", "key": "NOT_SET_ANYWHERE"}, "is not set"),
    ],
)
def test_what_cannot_work_is_said_at_the_door(
    tmp_path: Path, changes: dict, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KEY, "x")
    endpoint = at(**changes)
    with pytest.raises(InputError, match=words):
        asked(endpoint, tmp_path, questions(endpoint, 3))


@pytest.mark.parametrize("answer", ["<html>", (404, "no such model"), (400, "no such option")])
def test_a_server_that_has_no_good_reply_at_all_stops_it_at_once(tmp_path: Path, answer: object):
    def script(*_: object) -> web.Response | str:
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], text=answer[1])
        return str(answer)

    with standing_in(StandIn(script=script)) as server:
        endpoint = at(server.url)
        with pytest.raises(InputError, match="m: "):
            asked(endpoint, tmp_path, questions(endpoint, 100))
    assert server.counts["requests"] <= endpoint.tries


def test_an_outage_stops_it_and_the_next_attempt_asks_only_the_rest(tmp_path: Path):
    def script(_: dict, number: int) -> web.Response | None:
        return None if number < 30 else web.Response(status=503)

    with standing_in(StandIn(script=script)) as server:
        endpoint = at(server.url, patience=0.3)
        with pytest.raises(InputError, match="gave no good reply"):
            asked(endpoint, tmp_path, questions(endpoint, 50))
        server.script = None
        replies = asked(endpoint, tmp_path, questions(endpoint, 50))
    assert all(reply.text for reply in replies)
    assert sum(reply.paid for reply in replies) == 20
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize("limit", [{"tokens": 2200}, {"money": 0.00601}])
def test_a_budget_stops_hard_and_keeps_what_is_done(tmp_path: Path, limit: dict):
    nothing = {"money": 0.0, "tokens": 0, "pilot": 0, "on_forecast": "go"}
    with standing_in(StandIn(latency=0.01)) as server:
        endpoint = at(server.url, in_flight=4)
        purse = SpendingLimit(SpendParams(**nothing | limit))
        replies = asked(endpoint, tmp_path, questions(endpoint, 50), purse)
        good = [reply for reply in replies if not reply.fault]
        assert purse.tokens == 110 * len(good) <= 2200
        assert purse.money == pytest.approx(3e-4 * len(good)) and purse.money <= 0.00601
        assert 15 <= len(good) <= 20
        assert {reply.fault for reply in replies} == {"", "budget spent"}
        again = asked(endpoint, tmp_path, questions(endpoint, 50))
    assert sum(reply.paid for reply in again) == 50 - len(good)


def test_a_forecast_above_the_budget_stops_unless_told_to_go_on(capsys: pytest.CaptureFixture):
    spend = SpendParams(money=1.0, tokens=0, pilot=10, on_forecast="stop")
    with pytest.raises(InputError, match="forecast exceeds"):
        SpendingLimit(spend, money=0.2).check_forecast("distill", 10, 100)
    SpendingLimit(spend, money=0.05).check_forecast("distill", 10, 100)
    SpendingLimit(spend.model_copy(update={"on_forecast": "go"}), money=0.2).check_forecast(
        "distill", 10, 100
    )
    assert "all will cost about 2 " in capsys.readouterr().err


def test_two_processes_cannot_ask_from_one_folder(tmp_path: Path):
    store = ReplyCache(tmp_path)
    with pytest.raises(InputError, match="in use"):
        ReplyCache(tmp_path)
    store.close()
    ReplyCache(tmp_path).close()


def test_pictures_are_told_apart_by_their_bytes():
    def key(data: str) -> str:
        block = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
        return build_chat_request(
            at("http://h/v1"), "q", [{"role": "user", "content": [block]}]
        ).key

    assert key("AAAA") == key("AAAA") != key("AAAB")
