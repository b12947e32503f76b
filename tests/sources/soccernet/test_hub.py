"""SoccerNet's files are looked for where its own package looks for them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.sources.fetch.origin_server import QUICK, Origin, serving
from touchline.errors import InputError
from touchline.sources.fetch import fetch_files
from touchline.sources.soccernet import SOCCERNET, SoccerNetSettings
from touchline.sources.soccernet import hub as soccernet

GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"
QUOTED = "england_epl/2014-2015/2015-02-21%20-%2018-00%20Chelsea%201%20-%201%20Burnley"
HUB = "https://huggingface.co/datasets/SoccerNet"


def test_files_are_named_as_in_the_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    (label,) = soccernet.request_label_files([GAME])
    assert label.urls == (f"{HUB}/SN-Labels/resolve/main/{QUOTED}/Labels-v2.json",)
    (caption,) = soccernet.request_caption_files([GAME])
    assert caption.urls == (f"{HUB}/SN-Labels/resolve/main/{QUOTED}/Labels-caption.json",)
    first, second = soccernet.request_video_files([GAME])
    assert first.path == f"{GAME}/1_224p.mkv"
    assert second.urls == (f"{HUB}/SoccerNet_raw_HQ/resolve/videos-224p/{QUOTED}/2_224p.mkv",)
    assert {one.token for one in (label, caption, first, second)} == {"HF_TOKEN"}
    (challenge, _) = soccernet.request_video_files([GAME], challenge=True)
    assert "/SoccerNet_raw_HQ_Challenge/resolve/videos-224p/" in challenge.urls[0]


def test_the_hub_asks_for_the_token_and_redirects_to_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    path = f"datasets/SoccerNet/SN-Labels/resolve/main/{GAME}/Labels-v2.json"
    store, hub = Origin({"blob": b"{}"}), Origin({path: b"{}"}, password="Bearer hf_mine")
    with serving(store), serving(hub):
        monkeypatch.setenv("HF_ENDPOINT", hub.url(""))
        hub.redirect = {path: store.url("blob?signature=x", "localhost")}
        fetch_files(soccernet.request_label_files([GAME]), tmp_path / "own", 2, retry_policy=QUICK)
    assert (tmp_path / "own" / GAME / "Labels-v2.json").read_bytes() == b"{}"
    assert hub.seen[0][1]["Authorization"] == "Bearer hf_mine"
    assert "Authorization" not in store.seen[0][1]


def test_the_games_of_a_list_are_fetched_and_what_is_not_comes_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, league: Any, settings: Callable[..., dict]
) -> None:
    monkeypatch.setenv("TOUCHLINE_DOWNLOADS", str(tmp_path / "downloads"))
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    league.file("games/list.json", {"train": [GAME], "challenge": ["a/b/other"]})
    (label,) = soccernet.request_label_files([GAME])
    path = unquote(label.urls[0].split("/", 3)[3])
    served = Origin({path: b'{"annotations": []}'}, password="Bearer hf_mine")
    given = SoccerNetSettings.model_validate(settings(splits="list.json", fetch=["labels"]))
    with serving(served), ThreadPoolExecutor(1) as executor:
        monkeypatch.setenv("HF_ENDPOINT", served.url("").rstrip("/"))
        SOCCERNET.download(given, tmp_path / "own", executor)
    assert (tmp_path / "own" / GAME / "Labels-v2.json").read_bytes() == b'{"annotations": []}'
    assert [unquote(request) for request, *_ in served.seen] == [f"/{path}"]


def test_fetching_without_a_list_of_games_is_refused(
    tmp_path: Path, settings: Callable[..., dict]
) -> None:
    given = SoccerNetSettings.model_validate(settings(fetch=["labels"]))
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match="lists no games"):
        SOCCERNET.download(given, tmp_path / "own", executor)


def test_the_old_drive_takes_the_password_and_its_address_holds_none() -> None:
    first, _ = soccernet.request_videos_from_drive([GAME])
    assert first.token == "SOCCERNET_PASSWORD"
    assert first.urls[0].endswith(f"/public.php/webdav/video_224p/{QUOTED}/1_224p.mkv")


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(
        InputError, match="'Chelsea': is not a game; write it as league/season/game"
    ):
        soccernet.request_label_files(["Chelsea"])
