"""The python beside lmms-eval's task files: how a row is asked, and how its answer is scored.

`touchline export` copies this file as it is, so it stands alone and imports nothing of Touchline.
That its scores are those of the tasks is held by tests/export/test_lmms.py. One turn, no tool.
"""

import json
import re

THETA = 0.3  # temporal IoU above which an interval counts
TOLERANCE = 0.05  # of a judges' score
INTERVAL = re.compile(r"\((\d{1,3}):([0-5]\d), ?(\d{1,3}):([0-5]\d)\)")
FILLING = {"a", "an", "then"}


def doc_to_visual(doc):
    """The pictures, for models that take them before the words."""
    return [picture.convert("RGB") for picture in doc["images"]]


def doc_to_text(doc):
    """The words: instructions, the time of each picture, the question."""
    blocks = [block for turn in json.loads(doc["messages"]) for block in turn["content"]]
    return "\n".join(block["text"].strip() for block in blocks if block["type"] == "text")


def doc_to_messages(doc):
    """The turns with each picture behind its time, for chat models."""
    pictures = iter(doc_to_visual(doc))
    return [
        {
            "role": turn["role"],
            "content": [
                {"type": "image", "url": next(pictures)} if block["type"] == "image" else block
                for block in turn["content"]
            ],
        }
        for turn in json.loads(doc["messages"])
    ]


def answer(said):
    """What stands behind the thought."""
    return said.rsplit("</think>", 1)[-1].strip()


def spotting_results(doc, results):
    """Counts of the many-to-many rule, to be pooled, and of one-to-one matching."""
    zero, flat = doc["zero"], doc["evidence"]
    guesses = intervals(answer(results[0]), zero)
    labels = [(start, end) for start, end in zip(flat[::2], flat[1::2], strict=True)]
    pairs = [[iou(guess, label) for label in labels] for guess in guesses]
    tp = sum(pair > THETA for row in pairs for pair in row)
    fp = sum(all(pair < THETA for pair in row) for row in pairs)
    fn = sum(all(row[at] < THETA for row in pairs) for at in range(len(labels)))
    once = matched(pairs)
    return {
        "f1": [tp, fp, fn],
        "f1_matched": [once, len(guesses) - once, len(labels) - once],
    }


def counting_results(doc, results):
    """1 for the same whole number."""
    said, true = whole(answer(results[0])), whole(doc["truth"])
    return {"accuracy": float(said is not None and said == true)}


def choice_results(doc, results):
    """1 for the same letter at the beginning."""
    said, true = letter(answer(results[0])), letter(doc["truth"])
    return {"accuracy": float(said == true != "")}


def score_results(doc, results):
    """1 within a twentieth of the judges' score."""
    said, true = number(answer(results[0])), number(doc["truth"])
    if said is None or true is None:
        return {"accuracy": 0.0}
    return {"accuracy": float(abs(said - true) <= TOLERANCE * true)}


def open_results(doc, results):
    """ROUGE-L of the words, articles aside."""
    said, true = tokens(answer(results[0])), tokens(doc["truth"])
    shared = longest_common(said, true)
    return {"rouge_l": 2 * shared / (len(said) + len(true)) if shared else 0.0}


def f1(counts):
    """2 TP / (2 TP + FP + FN) over all questions."""
    tp, fp, fn = (sum(column) for column in zip(*counts, strict=True))
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def intervals(text, zero):
    """(start, end) in seconds of the clip."""
    found = [[int(part) for part in one] for one in INTERVAL.findall(text)]
    pairs = [(a * 60.0 + b - zero, c * 60.0 + d - zero) for a, b, c, d in found]
    return [(start, end) for start, end in pairs if start < end]


def iou(one, other):
    """Overlap over hull."""
    hull = max(one[1], other[1]) - min(one[0], other[0])
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0])) / hull if hull > 0 else 0.0


def matched(pairs):
    """How many guesses find a label of their own, the best overlaps first."""
    ranked = [(value, i, j) for i, row in enumerate(pairs) for j, value in enumerate(row)]
    guessed, found = set(), set()
    for value, i, j in sorted(ranked, key=lambda one: (-one[0], one[1], one[2])):
        if value > THETA and i not in guessed and j not in found:
            guessed.add(i)
            found.add(j)
    return len(found)


def whole(text):
    """The one whole number of an answer."""
    found = re.findall(r"\d+", text)
    return int(found[0]) if len(found) == 1 and len(found[0]) <= 9 else None


def number(text):
    """The one number of an answer."""
    found = re.findall(r"\d+(?:\.\d+)?", text, re.ASCII)
    return float(found[0]) if len(found) == 1 and len(found[0]) <= 9 else None


def letter(text):
    """A to D, where an answer opens with it."""
    found = re.match(r"\s*\(?([A-D])\b", text)
    return found[1] if found else ""


def tokens(text):
    """The words that count."""
    return [word for word in re.findall(r"[\w-]+", text.lower()) if word not in FILLING]


def longest_common(said, true):
    """Length of the longest common subsequence."""
    row = [0] * (len(true) + 1)
    for word in said:
        before, row = row, [0]
        for at, other in enumerate(true):
            row.append(before[at] + 1 if word == other else max(before[at + 1], row[at]))
    return row[-1]
