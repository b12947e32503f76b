"""Questions as the samples of the spotting paper: LLaVA's conversations, one file per split."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from touchline.records.question import Question


def write_llava_samples(folder: Path, questions: Iterable[Question]) -> None:
    """Write `samples-SPLIT.json` for every split that has questions: a list of samples each."""
    by_split: dict[str, list[dict[str, Any]]] = {}
    for question in questions:
        by_split.setdefault(question.split, []).append(build_llava_sample(question))
    for split, samples in by_split.items():
        text = json.dumps(samples, ensure_ascii=False, indent=1)
        (folder / f"samples-{split}.json").write_text(f"{text}\n", encoding="utf-8")


def build_llava_sample(question: Question) -> dict[str, Any]:
    """`<video>` stands where the clip goes in; `video` names the clip, which is no file of ours."""
    number = question.id.rpartition("?")[2].split("-")[0]
    turns = (("human", f"<video>\n{question.text}"), ("gpt", question.truth))
    return {
        "id": f"{question.clip}/{number}",
        "video": question.clip,
        "conversations": [{"from": who, "value": said} for who, said in turns],
    }
