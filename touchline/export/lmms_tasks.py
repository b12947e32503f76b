"""Functions for the exported lmms-eval tasks: build a row's prompt and score its answer. One turn,
no tool.

`touchline export` copies this file unchanged, so it imports nothing from Touchline.
tests/export/test_lmms.py checks that its scores equal those of `touchline.tasks`.
"""

import json
import re

THETA = 0.3  # temporal IoU above which an interval counts
TOLERANCE = 0.05  # of a judges' score
INTERVAL = re.compile(r"\((\d{1,3}):([0-5]\d), ?(\d{1,3}):([0-5]\d)\)")
IGNORED_WORDS = {"a", "an", "then"}


def doc_to_visual(doc):
    """The pictures as RGB images, for models that take images separately from the text."""
    return [picture.convert("RGB") for picture in doc["images"]]


def doc_to_text(doc):
    """The prompt text: instructions, the time of each picture, the question."""
    blocks = [block for turn in json.loads(doc["messages"]) for block in turn["content"]]
    return "\n".join(block["text"].strip() for block in blocks if block["type"] == "text")


def doc_to_messages(doc):
    """The chat messages, each picture placed after its time."""
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


def strip_thinking(text):
    """The answer text after `</think>`."""
    return text.rsplit("</think>", 1)[-1].strip()


def spotting_results(doc, results):
    """[TP, FP, FN] by the many-to-many rule (`f1`) and by one-to-one matching (`f1_matched`);
    pooled over questions by `f1`.
    """
    zero, flat = doc["zero"], doc["evidence"]
    guesses = parse_answer_intervals(strip_thinking(results[0]), zero)
    labels = [(start, end) for start, end in zip(flat[::2], flat[1::2], strict=True)]
    pairs = [[compute_interval_iou(guess, label) for label in labels] for guess in guesses]
    tp = sum(pair > THETA for row in pairs for pair in row)
    fp = sum(all(pair < THETA for pair in row) for row in pairs)
    fn = sum(all(row[at] < THETA for row in pairs) for at in range(len(labels)))
    once = count_matched_intervals(pairs)
    return {
        "f1": [tp, fp, fn],
        "f1_matched": [once, len(guesses) - once, len(labels) - once],
    }


def counting_results(doc, results):
    """Accuracy 1 if the answer is the same whole number as the truth."""
    guess, truth = parse_whole_number(strip_thinking(results[0])), parse_whole_number(doc["truth"])
    return {"accuracy": float(guess is not None and guess == truth)}


def choice_results(doc, results):
    """Accuracy 1 if the answer starts with the right letter."""
    guess, truth = (
        parse_answer_letter(strip_thinking(results[0])),
        parse_answer_letter(doc["truth"]),
    )
    return {"accuracy": float(guess == truth != "")}


def score_results(doc, results):
    """Accuracy 1 if the answer is within 5 % of the judges' score."""
    guess, truth = (
        parse_answer_number(strip_thinking(results[0])),
        parse_answer_number(doc["truth"]),
    )
    if guess is None or truth is None:
        return {"accuracy": 0.0}
    return {"accuracy": float(abs(guess - truth) <= TOLERANCE * truth)}


def open_results(doc, results):
    """ROUGE-L F1 of the words, without articles."""
    guess_words, truth_words = (
        split_rouge_words(strip_thinking(results[0])),
        split_rouge_words(doc["truth"]),
    )
    shared = measure_longest_common(guess_words, truth_words)
    return {"rouge_l": 2 * shared / (len(guess_words) + len(truth_words)) if shared else 0.0}


def f1(counts):
    """2 TP / (2 TP + FP + FN) over all questions; `counts` is a list of [TP, FP, FN]."""
    tp, fp, fn = (sum(column) for column in zip(*counts, strict=True))
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0


def parse_answer_intervals(text, zero):
    """Parse (start, end) pairs from an answer, in seconds of the clip. `zero` is the clock time of
    the clip's first frame.
    """
    numbers = [[int(part) for part in groups] for groups in INTERVAL.findall(text)]
    pairs = [(a * 60.0 + b - zero, c * 60.0 + d - zero) for a, b, c, d in numbers]
    return [(start, end) for start, end in pairs if start < end]


def compute_interval_iou(first, second):
    """Temporal overlap divided by the hull of the two intervals."""
    hull = max(first[1], second[1]) - min(first[0], second[0])
    return max(0.0, min(first[1], second[1]) - max(first[0], second[0])) / hull if hull > 0 else 0.0


def count_matched_intervals(pairs):
    """Number of guesses matched one to one with labels, greedily by IoU. `pairs` is the IoU matrix,
    guesses x labels.
    """
    ranked = [(value, i, j) for i, row in enumerate(pairs) for j, value in enumerate(row)]
    guessed, matched_labels = set(), set()
    for value, i, j in sorted(ranked, key=lambda entry: (-entry[0], entry[1], entry[2])):
        if value > THETA and i not in guessed and j not in matched_labels:
            guessed.add(i)
            matched_labels.add(j)
    return len(matched_labels)


def parse_whole_number(text):
    """The only whole number in a text, or None if there is none or several."""
    numbers = re.findall(r"\d+", text)
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) <= 9 else None


def parse_answer_number(text):
    """The only number in a text, or None if there is none or several."""
    numbers = re.findall(r"\d+(?:\.\d+)?", text, re.ASCII)
    return float(numbers[0]) if len(numbers) == 1 and len(numbers[0]) <= 9 else None


def parse_answer_letter(text):
    """The option letter A to H that a text starts with, or ""."""
    match = re.match(r"\s*\(?([A-H])\b", text)
    return match[1] if match else ""


def split_rouge_words(text):
    """Lower-case words of a text without `IGNORED_WORDS`."""
    return [word for word in re.findall(r"[\w-]+", text.lower()) if word not in IGNORED_WORDS]


def measure_longest_common(guess_words, truth_words):
    """Length of the longest common subsequence."""
    row = [0] * (len(truth_words) + 1)
    for word in guess_words:
        before, row = row, [0]
        for at, other in enumerate(truth_words):
            row.append(before[at] + 1 if word == other else max(before[at + 1], row[at]))
    return row[-1]
