"""Score a night's answers and compare them with the floors, the champion and the previous night."""

from pathlib import Path

from flows.nightly import compare, record
from flows.nightly.answers import (
    AnswersByAuthor,
    digest_night_answers,
    load_night_answers,
    store_night_answers,
)
from flows.nightly.ask_process import MODEL
from flows.nightly.record import NightCandidate, NightRecord
from flows.nightly.session import NightSession
from touchline.evaluation.engine import count_failed_answers
from touchline.metrics import scores
from touchline.metrics.overall import HeadlineMetrics, measure_headline_metrics
from touchline.records.trajectory import Trajectory


def score_floors(session: NightSession, rows: AnswersByAuthor) -> None:
    """Score the floors that need no model and store their answers."""
    session.night.floors_file = store_night_answers(_answers_folder(session), rows)
    before = _last_comparable_night(session)
    same = before and before.floors_file == session.night.floors_file
    earlier_scores = before.floors if before and same else {}
    for name, answers in rows.items():
        session.headlines[name] = measure_headline_metrics(
            pair_with_questions(session, answers), session.pinned_benchmark.judge
        )
        session.night.floors[name] = earlier_scores.get(name) or _scores_by_task(session, answers)


def score_candidate(session: NightSession, name: str, rows: AnswersByAuthor) -> None:
    """Score one model and its own floors. If its answers equal those of the last comparable night,
    that night's scores are reused.
    """
    result, seed = session.night.candidates[name], session.pinned_benchmark.evaluate["seed"]
    for author, answers in rows.items():
        line_name = name if author == MODEL else name_floor_line(name, author)
        session.headlines[line_name] = measure_headline_metrics(
            pair_with_questions(session, answers), session.pinned_benchmark.judge
        )
        estimate = compare.estimate_overall_score(session.headlines[line_name], seed)._asdict()
        result.floors |= {author: estimate} if author != MODEL else {}
        result.overall = estimate if author == MODEL else result.overall
    result.answers, result.file = (
        digest_night_answers(rows[MODEL]),
        store_night_answers(_answers_folder(session), rows),
    )
    result.failed = count_failed_answers(rows[MODEL])
    result.scores = _reusable_scores(session, result) or _scores_by_task(session, rows[MODEL])


def name_floor_line(name: str, floor: str) -> str:
    """Key in `NightSession.headlines` of a floor that belongs to one model."""
    return f"{name} {floor}"


def _answers_folder(session: NightSession) -> Path:
    return session.folder / "answers"


def compare_night_candidates(session: NightSession) -> None:
    """Compare each challenger with the champion, and tonight's newest model with last night's."""
    night, champion = session.night, session.night.champion
    answered = [name for name, result in night.candidates.items() if result.answers]
    champion_name = champion.name if champion and champion.name in answered else ""
    night.newest = next(
        (name for name in reversed(answered) if name != champion_name), champion_name
    )
    for name in answered:
        if champion_name and name != champion_name:
            _add_verdict(session, name, "the champion", session.headlines[champion_name])
    _compare_with_last_night(session)


def _compare_with_last_night(session: NightSession) -> None:
    """Compare tonight's newest model with last night's newest; also the champion with itself if its
    answers changed.
    """
    before = _last_comparable_night(session)
    if before is None or not session.night.newest:
        return
    pairs = [(session.night.newest, before.newest, "last night's newest")]
    champion = session.night.champion
    if champion and champion.name in before.candidates:
        pairs.append((champion.name, champion.name, "itself last night"))
    for name, other, description in pairs:
        old_result, new_result = before.candidates.get(other), session.night.candidates.get(name)
        if (
            old_result
            and new_result
            and new_result.answers
            and old_result.answers not in ("", new_result.answers)
        ):
            known_headlines = session.headlines.get(other) if other != name else None
            earlier = known_headlines or _stored_headlines(session, old_result)
            if earlier:
                _add_verdict(session, name, description, earlier)


def _last_comparable_night(session: NightSession) -> NightRecord | None:
    last = record.find_last_completed_night(session.root)
    same = last and last.benchmark.get("digest") == session.night.benchmark["digest"]
    return last if same else None


def _stored_headlines(session: NightSession, old_result: NightCandidate) -> HeadlineMetrics | None:
    file = _answers_folder(session) / old_result.file
    if not file.is_file():
        return None
    return measure_headline_metrics(
        pair_with_questions(session, load_night_answers(file)[MODEL]),
        session.pinned_benchmark.judge,
    )


def _add_verdict(
    session: NightSession, name: str, other: str, other_headlines: HeadlineMetrics
) -> None:
    result, seed = session.night.candidates[name], session.pinned_benchmark.evaluate["seed"]
    gap = compare.measure_score_gap(session.headlines[name], other_headlines, seed)
    sentence = compare.describe_score_gap(name, other, gap)
    result.verdicts.append(sentence)
    if compare.is_score_regression(gap) and not result.regression:
        result.regression = sentence


def _reusable_scores(session: NightSession, result: NightCandidate) -> record.TaskScores:
    """The last comparable night's scores if the answers are identical, else {}."""
    before = _last_comparable_night(session)
    old_result = before.candidates.get(result.model.name) if before else None
    return old_result.scores if old_result and old_result.answers == result.answers else {}


def _scores_by_task(session: NightSession, rows: list[Trajectory]) -> record.TaskScores:
    return scores.estimate_by_task(
        pair_with_questions(session, rows), session.pinned_benchmark.judge
    )


def pair_with_questions(session: NightSession, rows: list[Trajectory]) -> scores.Rows:
    """Pair each answer with its labelled question."""
    return scores.pair_answers(rows, session.pinned_benchmark.labelled_questions)
