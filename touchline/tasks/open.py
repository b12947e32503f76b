"""What happens in the clip: free words, judged by the words they share with the truth."""

import re
from random import Random

from touchline.chat.prompts import render
from touchline.chat.timecode import spoken
from touchline.records import Label
from touchline.tasks.scene import Scene
from touchline.tasks.task import Draft, Rules, Task, drafted

NOTHING = "Nothing of note."
REACH = 15.0  # seconds around its moment that a caption may tell of


def ask(scene: Scene, rules: Rules, random: Random) -> list[Draft]:
    """Ready questions as the source has them; else what happens, the actions in order.

    That is asked of each clip in a sport whose actions can be asked for.
    """
    if not scene.free("open"):
        ready = [label for label in scene.ready if label.task == "open"]
        return [(drafted if label.asked else _caption)(label, scene, rules) for label in ready]
    if not scene.sport.asked:
        return []
    happened = scene.inside()
    text = render("open", sport=scene.sport.name, length=spoken(scene.length))
    spans = [(max(0.0, s.start), min(scene.length, s.end)) for s in happened]
    return [Draft(text, told([s.word for s in happened]), evidence=tuple(spans))]


def _caption(label: Label, scene: Scene, rules: Rules) -> Draft:
    """A caption, asked for by its moment."""
    start, end = label.start - scene.clip.start, label.end - scene.clip.start
    time = spoken(int(start + rules.dialogue.zero(scene.clip)))
    fields = {"time": time, "sport": scene.sport.name, "length": spoken(scene.length)}
    span = (max(0.0, start - REACH), min(scene.length, end + REACH))
    return Draft(render("caption", **fields), label.answer, evidence=(span,))


def told(actions: list[str]) -> str:
    """`A corner, then an offside.`"""
    if not actions:
        return NOTHING
    with_article = [f"{'an' if word[0] in 'aeiou' else 'a'} {word}" for word in actions]
    said = ", then ".join(with_article)
    return f"{said[0].upper()}{said[1:]}."


def score(answer: str, truth: str) -> float:
    """ROUGE-L: F1 of the longest run of words that both have in this order; articles aside."""
    said, true = _tokens(answer), _tokens(truth)
    shared = _longest_common(said, true)
    return 2 * shared / (len(said) + len(true)) if shared else 0.0


def _longest_common(said: list[str], true: list[str]) -> int:
    row = [0] * (len(true) + 1)
    for word in said:
        before, row = row, [0]
        for j, other in enumerate(true):
            row.append(before[j] + 1 if word == other else max(before[j + 1], row[j]))
    return row[-1]


def _tokens(text: str) -> list[str]:
    return [w for w in re.findall(r"[\w-]+", text.lower()) if w not in {"a", "an", "then"}]


OPEN = Task("open", ask, score, level="commentary")
