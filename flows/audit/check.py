"""Check an audit folder with nothing but the folder: hashes, events, every figure, signature."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

from flows.audit import facts, figures, signature
from flows.tracking import event_chain
from touchline.errors import BadInput

FORMAT = 1
MANIFEST, SUM, SIGNATURE = "manifest.json", "manifest.json.sha256", "manifest.json.sig"
NUMBER = re.compile(r"(?<![A-Za-z_.\d-])\d[\d.,]*")
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)#(/[^)\s]*)\)")
QUOTED = re.compile(r"`([^`]*)`")
SILENT = ("style", "script")
VOID = ("meta", "link", "br", "hr", "img", "input")


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(folder: Path, key: Path | None = None) -> tuple[list[str], list[str]]:
    """What is wrong, each with the file's name, and what else is to be said (who signed it).

    Raises `BadInput` for what is no audit folder or one of a newer version.
    """
    if not (folder / MANIFEST).is_file():
        raise BadInput(folder, "holds no manifest.json", "name a folder of `touchline audit`")
    faults = list(_manifest(folder))
    listed = None if faults else _listed(folder)
    if listed is None:
        return faults or [f"{MANIFEST}: cannot be read"], []
    faults += _files(folder, listed)
    if faults:  # what follows would only say the same in other words
        return faults, []
    notes = [_signed(folder, key, faults)]
    for part in (_events, _page, _card, _recounted):
        try:
            faults += part(folder)
        except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
            # All hashes fit, so whoever sealed it wrote a file that is none, or left it out.
            said = " ".join(str(error).split()).replace(str(folder), "")[:100]
            faults.append(
                f"{part.__name__[1:]}: cannot be checked ({type(error).__name__}: {said})"
            )
    return faults, notes


def _manifest(folder: Path) -> Iterator[str]:
    said = (folder / SUM).read_bytes() if (folder / SUM).is_file() else b""
    if said != f"{sha256(folder / MANIFEST)}  {MANIFEST}\n".encode():
        yield f"{MANIFEST}: does not match {SUM}: one of the two was changed"


def _listed(folder: Path) -> dict[str, str] | None:
    """sha256 by path; None for a manifest that a change made unreadable."""
    try:
        held = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = held["format"], held["files"]
        listed = {str(path): str(one["sha256"]) for path, one in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if version != FORMAT:
        wrong = f"is of format {version}, this version reads {FORMAT}"
        raise BadInput(folder / MANIFEST, wrong, "check it with a newer touchline")
    return listed


def _files(folder: Path, listed: dict[str, str]) -> Iterator[str]:
    for path, digest in listed.items():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            yield f"{MANIFEST}: names a file outside of the folder: {path}"
        elif not (folder / path).is_file() or (folder / path).is_symlink():
            yield f"{path}: is missing"
        elif sha256(folder / path) != digest:
            yield f"{path}: was changed (its sha256 is not the one in {MANIFEST})"
    known = {*listed, MANIFEST, SUM, SIGNATURE}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in known:
            yield f"{name}: stands in no manifest"


def _signed(folder: Path, key: Path | None, faults: list[str]) -> str:
    file = folder / SIGNATURE
    if not file.is_file():
        if key is not None:
            faults.append(f"{SIGNATURE}: is missing: the folder is not signed")
        return "not signed: whoever can write here could have written all of it"
    try:
        return signature.check(
            file.read_text(errors="replace"), (folder / MANIFEST).read_bytes(), key
        )
    except BadInput as fault:
        faults.append(str(fault))
        return ""


def _events(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "events").glob("*.jsonl")):
        found = event_chain.read(file)
        for fault in found.faults:
            yield f"events/{file.name}: {fault}"


def _page(folder: Path) -> Iterator[str]:
    reader, load = Page(), _loader(folder)
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    for text, file, place, shape in reader.figures:
        if fault := _figure(folder, load, text, file, place, shape):
            yield f"index.html: {fault}"
    for text in reader.naked:
        yield f"index.html: the number {text} links to no file"


def _loader(folder: Path) -> Callable[[str], Any]:
    """JSON files of the folder by name; each is parsed once, for thousands of figures."""
    return cache(partial(_load, folder))


def _figure(
    folder: Path, load: Callable[[str], Any], text: str, file: str, place: str, shape: str
) -> str:
    """What is wrong with one figure, or ""."""
    pure = PurePosixPath(file)
    source = folder / file
    if pure.is_absolute() or ".." in pure.parts or not source.is_file():
        return f"{text[:40]!r} links to {file}, which is not here"
    if shape == "name":
        return "" if text == file else f"calls {file} {text}"
    if not place:
        whole = source.read_text(encoding="utf-8", errors="replace")
        return "" if _even(text) == _even(whole) else f"the quotation of {file} is not what it says"
    try:
        said = figures.said(load(file), place, shape)
    except (KeyError, ValueError, TypeError):
        return f"{text!r} links to {place} of {file}, where there is nothing like it"
    return "" if said == text else f"says {text!r} where {place} of {file} is {said!r}"


def _even(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


class Page(HTMLParser):
    """The figures of a page and the numbers in its text that are none."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[tuple[str, str, str, str]] = []
        self.naked: list[str] = []
        self.open: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, {k: v or "" for k, v in attrs}))
            self.text = "" if "data-file" in self.open[-1][1] else self.text

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed at once: it holds no text."""

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            name, given = self.open.pop()
            if "data-file" in given:
                place, shape = given.get("data-at", ""), given.get("data-as", "text")
                self.figures.append((self.text, given["data-file"], place, shape))
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if any("data-file" in given for _, given in self.open):
            self.text += data
        elif not any(name in SILENT for name, _ in self.open):
            self.naked += NUMBER.findall(data)


def _card(folder: Path) -> Iterator[str]:
    text, load = (folder / "card.md").read_text(encoding="utf-8"), _loader(folder)
    for said, file, place in LINK.findall(text):
        shape = "count" if said.replace(",", "").isdigit() else "figure"
        if fault := _figure(folder, load, said, file, place, shape):
            yield f"card.md: {fault}"
    record = (folder / "run.json").read_text(encoding="utf-8")
    bare = LINK.sub("", text)
    for quoted in QUOTED.findall(bare):
        if json.dumps(quoted, ensure_ascii=False)[1:-1] not in record:
            yield f"card.md: {quoted!r} does not stand in run.json"
    for number in NUMBER.findall(QUOTED.sub("", bare)):
        yield f"card.md: the number {number} links to no file"


def _recounted(folder: Path) -> Iterator[str]:
    """Counts again what was counted from ledgers and times."""
    record, held = _load(folder, "run.json"), _load(folder, "measured/counts.json")
    spent = _load(folder, "measured/energy.json")
    for stage, told in held["ledgers"].items():
        ledger = folder / "ledgers" / f"{stage}.parquet"
        if ledger.is_file() and facts.fates(ledger, withheld=False) != told:
            yield f"measured/counts.json: {stage} is not what its ledger comes to"
    if facts.estimate(record, spent["watts"]) != spent:
        yield "measured/energy.json: is not what its formula gives for run.json"
    yield from _texts(folder, record)


def _load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _texts(folder: Path, record: dict[str, Any]) -> Iterator[str]:
    """The words that models were given are those whose digest the run recorded."""
    known = {f["path"]: f["md5"] for s in record["stages"].values() for f in s["inputs"]}
    for file in sorted((folder / "texts").rglob("*")):
        name = file.relative_to(folder / "texts").as_posix()
        if file.is_file() and hashlib.md5(file.read_bytes()).hexdigest() != known.get(name):
            yield f"texts/{name}: is not the file that the run read"
