"""Export questions as LLaVA conversations, the sample format of the spotting paper."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from touchline.records.question import Question


def write_llava_samples(folder: Path, questions: Iterable[Question]) -> None:
    """Write `samples-SPLIT.json`, a list of LLaVA samples, for every split that has questions."""
    by_split: dict[str, list[dict[str, Any]]] = {}
    for question in questions:
        by_split.setdefault(question.split, []).append(build_llava_sample(question))
    for split, samples in by_split.items():
        text = json.dumps(samples, ensure_ascii=False, indent=1)
        (folder / f"samples-{split}.json").write_text(f"{text}\n", encoding="utf-8")


def build_llava_sample(question: Question) -> dict[str, Any]:
    """One LLaVA sample {id, video, conversations}. `<video>` marks where the clip goes; `video` is
    the clip's id, not a file.
    """
    number = question.id.rpartition("?")[2].split("-")[0]
    turns = (("human", f"<video>\n{question.text}"), ("gpt", question.truth))
    return {
        "id": f"{question.clip}/{number}",
        "video": question.clip,
        "conversations": [{"from": who, "value": text} for who, text in turns],
    }
