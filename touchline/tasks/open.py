"""Open questions: what happens in the clip, answered in free text and scored with ROUGE-L."""

import re
from random import Random

from touchline.chat.prompts import render_prompt
from touchline.chat.timecode import format_time
from touchline.records.label import Label
from touchline.tasks.scene import ClipScene
from touchline.tasks.task import QuestionDraft, QuestionRules, Task, draft_ready_question

NO_ACTION_ANSWER = "Nothing of note."
CAPTION_REACH = 15.0  # seconds around its moment that a caption may tell of


def draft_open_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """Questions the source provides; else one question per clip whose answer lists its actions in
    order.
    """
    if not scene.may_generate("open"):
        ready = [label for label in scene.ready_labels if label.task == "open"]
        return [
            (draft_ready_question if label.asked else _draft_caption_question)(label, scene, rules)
            for label in ready
        ]
    if not scene.sport.spotting_words:
        return []
    happened = scene.actions_inside()
    text = render_prompt("open", sport=scene.sport.name, length=format_time(scene.length))
    spans = [(max(0.0, s.start), min(scene.length, s.end)) for s in happened]
    return [
        QuestionDraft(text, format_action_list([s.word for s in happened]), evidence=tuple(spans))
    ]


def _draft_caption_question(label: Label, scene: ClipScene, rules: QuestionRules) -> QuestionDraft:
    """A caption, asked for by its moment."""
    start, end = label.start - scene.clip.start, label.end - scene.clip.start
    time = format_time(int(start + rules.dialogue.clock_offset(scene.clip)))
    fields = {"time": time, "sport": scene.sport.name, "length": format_time(scene.length)}
    span = (max(0.0, start - CAPTION_REACH), min(scene.length, end + CAPTION_REACH))
    return QuestionDraft(render_prompt("caption", **fields), label.answer, evidence=(span,))


def format_action_list(actions: list[str]) -> str:
    """The actions as an answer: 'A corner, then an offside.'"""
    if not actions:
        return NO_ACTION_ANSWER
    with_article = [f"{'an' if word[0] in 'aeiou' else 'a'} {word}" for word in actions]
    text = ", then ".join(with_article)
    return f"{text[0].upper()}{text[1:]}."


def score_open_answer(answer: str, truth: str) -> float:
    """ROUGE-L F1 of answer and truth (longest common subsequence of words, ignoring a, an and
    then).
    """
    answer_words, truth_words = _tokens(answer), _tokens(truth)
    shared = _longest_common(answer_words, truth_words)
    return 2 * shared / (len(answer_words) + len(truth_words)) if shared else 0.0


def _longest_common(answer_words: list[str], truth_words: list[str]) -> int:
    row = [0] * (len(truth_words) + 1)
    for word in answer_words:
        before, row = row, [0]
        for j, other in enumerate(truth_words):
            row.append(before[j] + 1 if word == other else max(before[j + 1], row[j]))
    return row[-1]


def _tokens(text: str) -> list[str]:
    return [w for w in re.findall(r"[\w-]+", text.lower()) if w not in {"a", "an", "then"}]


OPEN = Task("open", draft_open_questions, score_open_answer, level="commentary")
