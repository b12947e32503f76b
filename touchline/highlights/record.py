"""The JSON record of a reel, and the notes that warn about its limits."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from touchline.chat.timecode import format_time
from touchline.highlights.cut_video import list_cut_starts
from touchline.highlights.frame_index import FrameIndex
from touchline.highlights.model import HighlightModel
from touchline.highlights.spots import OmittedAction, ReelResult
from touchline.highlights.watch import ClipAnswer, MatchFile
from touchline.highlights.wish import ORDINALS, ReelQuery
from touchline.sports import SPORTS


def list_reel_notes(
    wish: ReelQuery,
    files: Sequence[FrameIndex],
    has_commentary: bool,
    model: HighlightModel,
    omissions: Sequence[OmittedAction],
) -> tuple[str, ...]:
    """Notes to read before trusting the reel, as sentences: untrained actions, ignored words,
    truncated files, missing commentary, actions left out for their team. `has_commentary`: the
    user gave commentary.
    """
    texts = []
    untaught = [word for word in wish.actions if word not in SPORTS[wish.sport].spotting_words]
    if wish.own:
        guess = (
            "was put to the model as it stands; it was not taught these words and may only guess"
        )
        texts.append(f'"{wish.actions[0]}" {guess}')
    elif untaught:
        texts.append(f"not among the actions that models are taught to find: {', '.join(untaught)}")
    if wish.left_out:
        texts.append(f"not understood and left out: {' '.join(wish.left_out)}")
    texts += [
        f"{file.path.name} breaks off at {format_time(file.end)}" for file in files if file.broken
    ]
    if has_commentary and not model.trained.ask.commentary:
        texts.append("the model was trained without commentary, so it was told none")
    if model.trained.ask.commentary and not has_commentary:
        texts.append("the model was trained with commentary in its questions, and there is none")
    return (*texts, *_team_notes(wish, omissions))


def _team_notes(wish: ReelQuery, omissions: Sequence[OmittedAction]) -> list[str]:
    """What was found and left out for its team."""
    other_count = sum(bool(omission.team) for omission in omissions)
    unattributed = [omission for omission in omissions if not omission.team]
    texts = [f"{other_count} of the other team left out"] if other_count else []
    if unattributed:
        reasons = "; ".join(
            f"{o.action} {format_time(round(o.match_start))}: {o.told_by}" for o in unattributed
        )
        texts.append(f"{len(unattributed)} left out, for nothing tells their team ({reasons})")
    return texts


def build_reel_record(
    request: str,
    result: ReelResult,
    answers: Sequence[ClipAnswer],
    films: Sequence[MatchFile],
    model: HighlightModel,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """The content of the reel's .json file as plain data. Contains file names but no paths."""
    return {
        "request": request,
        "understood": result.wish.describe(),
        "wish": _query_as_json(result.wish),
        "periods": [ORDINALS[n - 1] for n in result.wish.periods],
        "notes": result.notes,
        "model": {"name": model.name, "sha256": model.digest, **model.trained.model_dump()},
        "settings": settings,
        "files": [{"name": entry.frame_index.path.name, "sha256": entry.sha256} for entry in films],
        "reel": result.reel.name if result.reel else None,
        "highlights": [asdict(entry) for entry in result.highlights],
        "omitted": [asdict(entry) for entry in result.omitted],
        "chapters": [
            {
                "title": cut.title,
                "file": cut.frame_index.path.name,
                "start": cut.start,
                "end": cut.end,
            }
            | {"reel_start": at, "reel_end": at + cut.length}
            for cut, at in zip(result.cuts, list_cut_starts(result.cuts), strict=False)
        ],
        "answers": [
            {
                "id": question.id,
                "file": entry.frame_index.path.name,
                "start": clip.start,
                "end": clip.end,
            }
            | {"action": question.action, "answer": answer.answer, "windows": answer.windows}
            for entry, clip, question, answer in answers
        ],
    }


def _query_as_json(wish: ReelQuery) -> dict[str, Any]:
    """JSON knows no infinity: an open end is null."""
    fields = asdict(wish)
    if wish.stretch and wish.stretch.end == float("inf"):
        fields["stretch"]["end"] = None
    return fields
