"""Seeded mutations of valid files: of values, of structure, of text and of bytes."""

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

RAW = "@@raw{}@@"  # stands for a number that json.dumps would not write
NUMERALS = ("9" * 5000, "1e400", "-1e400", "1" + "0" * 400, "NaN", "-Infinity", "0.1e-500", "-0")
TEXTS = (
    "",
    " ",
    "\x00",
    "\n",
    "..",
    "../../../escaped",
    "/tmp/escaped",
    "..\\..\\escaped",
    "C:\\escaped",
    "~/escaped",
    "a/b/c",
    "x" * 300,
    "x" * 70_000,
    "\ud800",
    "\u202eltr",
    "é" * 200,
    "\U0001d7d9",
    "٣",
    "²",
    "{start}",
    "{0.__class__}",
    "%s%n",
    "<script>alert(1)</script>",
    "</script>",
    "$(touch escaped)",
    "`touch escaped`",
    "'; DROP TABLE x; --",
    "!!python/object/apply:os.system ['touch escaped']",
    "1e5",
    "0x10",
    "1_000",
    "nan",
    "None",
    "true",
    "-1",
    "1 - 00:00",
    "\ufeff",
    "\u2028",
    "con",
)
BOMB = "bomb: " + "".join(  # ten levels of nine: 3.5 billion values if anybody counts them out
    f"&b{n} [" + ", ".join([f"*b{n - 1}" if n else "x"] * 9) + "]\nbomb{n}: " for n in range(10)
)
VALUES = (None, True, False, 0, -1, 2, 1e308, -1e308, 1e-308, 0.1, 2**31, 2**63, -(2**63) - 1)


def value(random: Random) -> Any:
    """Something that is seldom expected."""
    draw = random.random()
    if draw < 0.45:
        return random.choice(TEXTS)
    if draw < 0.7:
        return random.choice(VALUES)
    if draw < 0.85:
        return RAW.format(random.randrange(len(NUMERALS)))
    return random.choice(([], {}, [[]], {"": None}, [None] * 300, nested(random)))


def nested(random: Random) -> Any:
    """A list or mapping within a list or mapping, up to 600 deep."""
    inner: Any = random.choice((1, "x", None))
    for _ in range(random.choice((3, 60, 600))):
        inner = [inner] if random.random() < 0.5 else {"x": inner}
    return inner


def places(content: Any, above: tuple = ()) -> Iterator[tuple]:
    """The path of every value within nested lists and mappings, the whole one's first."""
    yield above
    inner = content.items() if isinstance(content, dict) else ()
    for key, one in enumerate(content) if isinstance(content, list) else inner:
        yield from places(one, (*above, key))


def structure(content: Any, random: Random) -> Any:
    """A copy in which one to three places are replaced, dropped, doubled, renamed or moved."""
    content = copy.deepcopy(content)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        *above, last = random.choice(list(places(content))[1:] or [(None,)])
        if last is None or not isinstance(content, list | dict):
            return value(random)
        place = content
        for key in above:
            place = place[key]
        random.choice((_replace, _replace, _replace, _drop, _double, _rename, _swap, _retype))(
            place, last, random
        )
    return content


def _replace(place: Any, last: Any, random: Random) -> None:
    place[last] = value(random)


def _drop(place: Any, last: Any, random: Random) -> None:
    del place[last]


def _double(place: Any, last: Any, random: Random) -> None:
    """The value twice, not a copy of it: of one 600 deep, Python makes none."""
    if isinstance(place, list):
        place.insert(random.randrange(len(place) + 1), place[last])
    else:
        place[f"{last}{random.choice(('2', ' ', '.', '/../x'))}"] = place[last]


def _rename(place: Any, last: Any, random: Random) -> None:
    if isinstance(place, dict):
        place[random.choice(TEXTS)] = place.pop(last)


def _swap(place: Any, last: Any, random: Random) -> None:
    other = random.choice(list(range(len(place)) if isinstance(place, list) else place))
    place[last], place[other] = place[other], place[last]


def _retype(place: Any, last: Any, random: Random) -> None:
    old = place[last]
    place[last] = random.choice((str(old), [old], {"x": old}, isinstance(old, str), len(str(old))))


def as_json(content: Any) -> str:
    """JSON as Python writes it, with numbers that no Python value stands for."""
    text = json.dumps(content, ensure_ascii=False)
    for number, numeral in enumerate(NUMERALS):
        text = text.replace(f'"{RAW.format(number)}"', numeral)
    return text


def as_bytes(text: str, random: Random) -> bytes:
    """The text, mostly in UTF-8; now and then in another encoding, cut, or with strange bytes."""
    if random.random() < 0.75:
        return text.encode("utf-8", "surrogatepass" if random.random() < 0.5 else "replace")
    return scrambled(_encoded(text, random), random)


def _encoded(text: str, random: Random) -> bytes:
    name = random.choice(("utf-8", "utf-8", "utf-8", "utf-16", "utf-32", "latin-1", "utf-8-sig"))
    return text.encode(name, "replace")


def scrambled(data: bytes, random: Random) -> bytes:
    """Bytes cut, flipped, repeated, inserted or left out at a random place."""
    at = random.randrange(len(data) + 1)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: data,
        lambda: data[:at],
        lambda: data[at:],
        lambda: data[:at] + bytes([random.randrange(256)]) + data[at + 1 :],
        lambda: data[:at] + random.randbytes(random.choice((1, 4, 64))) + data[at:],
        lambda: data[:at] + data[max(0, at - 40) : at] * 3 + data[at:],
        lambda: data[:at] + data[at + random.choice((1, 4, 64)) :],
        lambda: data[:at] + b"[" * 100_000 + data[at:],
        lambda: b"\xef\xbb\xbf" + data,
        lambda: b"",
    )
    return random.choice(ways)()


def json_file(data: bytes, random: Random) -> bytes:
    return as_bytes(as_json(structure(json.loads(data), random)), random)


def json_lines(data: bytes, random: Random) -> bytes:
    """Mostly one line is changed; now and then the order or number of lines."""
    lines = data.decode().splitlines()
    at = random.randrange(len(lines))
    if random.random() < 0.8:
        lines[at] = as_json(structure(json.loads(lines[at]), random))
    elif random.random() < 0.5:
        lines.insert(random.randrange(len(lines)), lines[at])
    else:
        lines[at] = random.choice(("", " ", "null", "[]", "{}", "}{", "[" * 50_000, '"x"', "1e999"))
    return as_bytes("\n".join(lines), random)


def csv_file(data: bytes, random: Random) -> bytes:
    """One cell, one line or the number of cells is changed."""
    rows = [line.split(",") for line in data.decode().split("\n")]
    row = random.choice(rows)
    at = random.randrange(len(row))
    draw = random.random()
    if draw < 0.7:
        row[at] = str(random.choice((*TEXTS, *NUMERALS, *VALUES, '"', '"a,b"', "a\rb")))
    elif draw < 0.8:
        del row[at]
    elif draw < 0.9:
        row.insert(at, row[random.randrange(len(row))])
    else:
        rows.insert(random.randrange(len(rows)), list(random.choice(rows)))
    return as_bytes("\n".join(",".join(row) for row in rows), random)


def yaml_file(data: bytes, random: Random) -> bytes:
    """One line is changed: its value, its key, its depth; or something YAML alone can say."""
    lines = data.decode().split("\n")
    at = random.randrange(len(lines))
    head, colon, _ = lines[at].partition(":")
    said = as_json(value(random)) if random.random() < 0.5 else str(value(random))
    strange = (
        "a: &a [*a]", "x: !!python/object/apply:os.system ['touch escaped']", "x: !<tag:y> z",
        "&a [1]: *a", "<<: *nobody", "? [a, b]\n: c", "%YAML 9.9", "---", "...", "\tx: 1", "- - -",
        "x: 2026-13-45", "x: 2026-11-28T99:99:99Z", "x: !!timestamp nope", "x: !!int nope",
        "x: !!float nope", "x: !!binary nope", "x: !!set {a, b}", "x: !!omap [a]", "x: 0o99",
        "x: |\n  a\n b", "'", '"\\ud800"', "x: [" + "[" * 3000, "{" * 3000, "x: 1__0", "x: 1:60:99",
        BOMB,
    )  # fmt: skip
    draw = random.random()
    if draw < 0.55 and colon:
        lines[at] = f"{head}: {said}"
    elif draw < 0.65:
        lines[at] = lines[at][1:] if lines[at].startswith(" ") else f"  {lines[at]}"
    elif draw < 0.75:
        del lines[at]
    elif draw < 0.8:
        lines.insert(at, lines[at])
    else:
        lines.insert(at, random.choice(strange))
    return as_bytes("\n".join(lines), random)
