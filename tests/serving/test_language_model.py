"""A real language model behind `touchline serve` teaches what it can; each row says how it went."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.services.prefect_server import find_free_port
from tests.endpoint.conftest import at
from tests.serving.language_model import MISSING, commented, missing, model, serving
from tests.teacher.conftest import distilled, replies, served, verdicts
from tests.train.conftest import lessons
from touchline.endpoint import EndpointClient, build_chat_request
from touchline.endpoint.openai_format import build_api_messages

__all__ = ["replies"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(missing(), reason=MISSING),
]
ROWS = 6
HOW = {
    "model": "smollm2", "calls": "text", "timeout": 900.0, "patience": 1200.0, "tries": 2,
    "sampling": {"temperature": 0.0, "max_tokens": 24},
}  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = model(tmp_path_factory.mktemp("weights") / "smollm2")
    with serving(folder, find_free_port(), 900) as at_work:
        yield at_work


def test_a_small_real_model_fails_rows_and_every_one_is_accounted_for(url: str, tmp_path: Path):
    commented(tmp_path / "data", ROWS)
    measured, taught = distilled(served(url, endpoint=HOW), tmp_path)
    again, same = distilled(served(url, endpoint=HOW), tmp_path, "again")
    rows = verdicts(tmp_path)
    assert measured["rows"] == len(rows) == ROWS
    assert measured["kept"] == len(taught) == sum(not row.reason for row in rows)
    dropped = [count for name, count in measured.items() if name.startswith("dropped.")]
    assert sum(dropped) == measured["dropped"] > 0
    assert all(row.tokens_in > 50 and row.tokens_out > 0 for row in rows)  # it was asked indeed
    assert again == measured and verdicts(tmp_path, "again") == rows
    assert [one.messages for one in same] == [one.messages for one in taught]


def test_a_picture_that_a_language_model_cannot_take_is_refused_in_words(url: str, tmp_path: Path):
    endpoint = at(url, **HOW)
    (taught, *_) = lessons(1)
    seen = [{"role": "user", "content": [{"type": "image", "image": taught.reel.fetch([0.0])[0]}]}]
    plain = [{"role": "user", "content": "Say one word."}]

    async def ask() -> list[str]:
        async with EndpointClient(endpoint, tmp_path / "asked") as client:
            asked = [
                build_chat_request(endpoint, "q", said)
                for said in (plain, build_api_messages(seen, endpoint))
            ]
            replies = [await client.ask(one) for one in asked]
        assert "sees no pictures" in replies[1].detail
        return [reply.fault for reply in replies]

    assert asyncio.run(ask()) == ["", "request refused"]
