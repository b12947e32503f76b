"""SoccerNet with Echoes: halves without video, transcripts in order of preference, splits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.downloads import downloaded, params
from tests.sources.soccernet.conftest import GAME, League
from tests.stages.test_chunk import film
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.match_split import StatedSplit
from touchline.records.speech import Speech
from touchline.records.table import read_records
from touchline.records.video import Video

Make = Callable[..., dict[str, Any]]
OTHER = "england_epl/2014-2015/2015-02-22 - 18-00 Greens 0 - 0 Greys"
VARIANTS = ["whisper_v1", "whisper_v1_en", "whisper_v2", "whisper_v2_en", "whisper_v3"]


def fetched(tmp_path: Path, given: dict[str, Any], on_fault: str = "stop") -> dict[str, float]:
    return downloaded(tmp_path, params(on_fault, {"soccernet": given}))


def rows(tmp_path: Path, name: str, kind: type) -> list[Any]:
    return read_records(tmp_path / f"manifest/{name}.parquet", kind)


def dropped(tmp_path: Path) -> dict[str, str]:
    ledger = pq.read_table(tmp_path / "manifest/ledger.parquet").to_pylist()
    return {row["row"]: row["reason"] for row in ledger if row["state"] == "dropped"}


def test_a_half_without_its_video_lasts_as_its_rows_demand(settings: Make, tmp_path: Path) -> None:
    totals = fetched(tmp_path, settings())
    first, second = rows(tmp_path, "videos", Video)
    assert (first.id, first.match) == (f"soccernet/{GAME}/1", f"soccernet/{GAME}")
    assert (first.duration, second.duration) == (45 * 60, 49 * 60)
    assert (first.path, first.sha256, first.frames, first.terms) == ("", "", 0, "nda")
    assert totals["videos_not_here"] == 2 and totals["dropped"] == 0


def test_a_label_at_the_last_moment_lies_in_its_half(
    league: League, settings: Make, tmp_path: Path
) -> None:
    league.labels(GAME, (1, 2700, "Corner"))
    fetched(tmp_path, settings(echoes=""))
    assert [video.duration for video in rows(tmp_path, "videos", Video)] == [46 * 60, 45 * 60]
    assert len(rows(tmp_path, "labels", Label)) == 1


def test_a_time_beyond_the_longest_half_is_a_fault_of_its_row(
    league: League, settings: Make, tmp_path: Path
) -> None:
    league.labels(GAME, (1, 3601, "Corner"), (1, 60, "Goal"))
    with pytest.raises(InputError, match="3601000 ms lies outside the video"):
        fetched(tmp_path, settings())
    totals = fetched(tmp_path, settings(), "drop")
    assert (totals["labels"], totals["dropped"]) == (1, 1)


def test_each_half_takes_the_first_variant_that_says_anything(
    settings: Make, tmp_path: Path
) -> None:
    fetched(tmp_path, settings())
    found = [(line.video[-1], line.origin) for line in rows(tmp_path, "speech", Speech)]
    assert found == [("1", "whisper_v2_en/1_asr.json")] * 2 + [("2", "whisper_v1_en/2_asr.json")]
    fetched(tmp_path, settings(transcripts=["whisper_v1_en", "whisper_v2_en"]))
    assert {line.origin[:13] for line in rows(tmp_path, "speech", Speech)} == {"whisper_v1_en"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_of_echoes_is_read(
    league: League, settings: Make, tmp_path: Path, variant: str
) -> None:
    league.said(variant, GAME, 1, (5, 6, "Só isto."))
    fetched(tmp_path, settings(transcripts=[variant]))
    assert "Só isto." in {line.text for line in rows(tmp_path, "speech", Speech)}


def test_a_transcript_that_cannot_be_read_is_a_fault_and_the_next_is_taken(
    league: League, settings: Make, tmp_path: Path
) -> None:
    league.file(f"echoes/whisper_v2_en/{GAME}/1_asr.json", '{"segments": {')
    totals = fetched(tmp_path, settings(), "drop")
    assert totals["dropped"] == 1 and "is not valid JSON" in next(iter(dropped(tmp_path).values()))
    assert rows(tmp_path, "speech", Speech)[0].text == "Other words."


def test_a_match_without_enough_commentary_is_left_out_row_by_row(
    league: League, settings: Make, tmp_path: Path
) -> None:
    league.labels(OTHER, (1, 10, "Foul"), (2, 10, "Foul"))
    league.said("whisper_v1_en", OTHER, 1, (0, 3, "Hello."))
    totals = fetched(tmp_path, settings(spoken_halves=2), "drop")
    assert totals["matches"] == 1
    reasons = dropped(tmp_path)
    assert len(reasons) == 2 + 2 + 1  # halves, labels, transcript
    assert all("1 of its halves have commentary" in reason for reason in reasons.values())


def test_a_video_that_is_here_is_probed_and_its_neighbour_is_not(
    league: League, settings: Make, tmp_path: Path
) -> None:
    film(league.root / "games" / GAME / "1_224p.mkv", 4, 1)
    league.labels(GAME, (1, 2, "Foul"), (2, 10, "Goal"))
    totals = fetched(tmp_path, settings(echoes=""))
    first, second = rows(tmp_path, "videos", Video)
    assert (first.duration, first.frames) == (4.0, 100) and (
        tmp_path / "videos" / first.path
    ).is_file()
    assert (second.path, second.duration) == ("", 2700.0)
    assert totals["videos_not_here"] == 1


def test_splits_are_read_as_a_list_and_as_soccernets_own_tree(
    league: League, settings: Make, tmp_path: Path
) -> None:
    name = GAME.split("/")
    for content in ({"valid": [GAME]}, {"valid": {name[0]: {name[1]: [name[2]]}}, "challenge": []}):
        league.file("games/games.json", content)
        fetched(tmp_path, settings(splits="games.json"))
        assert rows(tmp_path, "splits", StatedSplit) == [StatedSplit(f"soccernet/{GAME}", "val")]


def test_a_game_in_two_splits_is_named(league: League, settings: Make, tmp_path: Path) -> None:
    league.file("games/games.json", {"train": [GAME], "valid": [GAME]})
    with pytest.raises(InputError, match="Reds 1 - 1 Blues stands in two splits"):
        fetched(tmp_path, settings(splits="games.json"))


def test_a_folder_without_games_is_named(settings: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: is missing; .* set download.sources.soccernet"):
        fetched(tmp_path, settings(folder=str(tmp_path / "nowhere")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no"):
        fetched(tmp_path, settings(folder=str(tmp_path / "empty")))
