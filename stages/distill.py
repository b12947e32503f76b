"""Distill trajectories: a teacher answers the training questions, thinking with the frame tool."""

from pathlib import Path
from typing import Any

from touchline import terms
from touchline.dialogue import PLAIN, Dialogue
from touchline.ledger import Ledger
from touchline.progress import track
from touchline.records import Clip, Label, Question, Trajectory, by_id, grouped, read, write
from touchline.stage import Params, run
from touchline.student.conversation import asked, judged, reel
from touchline.tasks.scene import Scene, scene
from touchline.teacher import Lesson, jittered, strays, teach
from touchline.tools.choose_frames import Budget, Reel, Viewing
from touchline.video.store import FrameStore


class Distill(Params):
    teacher: str  # scripted: knows the truth
    astray: float  # share of lessons that look again where there is no need, and only there
    jitter: int  # seconds by which either end of an interval it tells may be off


def main(
    distill: Distill,
    budget: Budget,
    dialogue: Dialogue,
    manifest: Path,
    clips: Path,
    questions: Path,
    frames: Path,
    trajectories: Path,
) -> dict[str, float]:
    every = read(questions / "questions.parquet", Question)
    by_clip = by_id(read(clips / "clips.parquet", Clip))
    labels = grouped(read(manifest / "labels.parquet", Label), "video")
    habits: dict[str, Any] = {"astray": distill.astray, "jitter": distill.jitter}
    store, ledger = FrameStore(frames), Ledger(q.id for q in every)
    taught = []
    for question in track(every, "distill"):
        if question.split != "train":
            ledger.drop(question.id, f"{question.split} split: never taught")
            continue
        clip = by_clip[question.clip]
        view = scene(clip, labels[clip.video])
        shown = reel(store, clip, budget, dialogue)
        taught.append(attempt(question, view, shown, budget, distill.teacher, dialogue, **habits))
        ledger.keep(question.id)
    write(trajectories / "trajectories.parquet", Trajectory, taught)
    terms.mark(trajectories, terms.of(by_clip.values()))
    calls = sum(bool(t.windows) for t in taught) / max(len(taught), 1)
    blind = sum(not t.frames for t in taught)
    return {
        **ledger.close(trajectories / "ledger.parquet"),
        "calls": calls,
        "without_frames": blind,
    }


def attempt(
    question: Question,
    view: Scene,
    frames: Reel,
    budget: Budget,
    name: str,
    dialogue: Dialogue = PLAIN,
    astray: float = 0.0,
    jitter: int = 0,
) -> Trajectory:
    """One trajectory of the scripted teacher, judged like any model's."""
    viewing = Viewing(frames, budget)
    told = jittered(question, jitter, dialogue.zero(view.clip) + view.length)
    lesson = Lesson(question, view, viewing, viewing.open(), told, strays(question, astray))
    teach(lesson, dialogue)
    messages = [*asked(question, lesson.opening, dialogue), *lesson.messages]
    return judged(f"teacher.{name}", question, messages, lesson.viewing, dialogue)


if __name__ == "__main__":
    run(main)
