"""Verify an audit folder without the project: file hashes, event chain, every figure, and the
signature.
"""

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
from touchline.errors import InputError

FORMAT = 1
MANIFEST, SUM, SIGNATURE = "manifest.json", "manifest.json.sha256", "manifest.json.sig"
NUMBER = re.compile(r"(?<![A-Za-z_.\d-])\d[\d.,]*")
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)#(/[^)\s]*)\)")
QUOTED = re.compile(r"`([^`]*)`")
UNSEEN_TAGS = ("style", "script")
VOID_TAGS = ("meta", "link", "br", "hr", "img", "input")


def hash_file_sha256(file: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_audit_folder(folder: Path, key: Path | None = None) -> tuple[list[str], list[str]]:
    """Returns (faults, notes): what is wrong, each with the file's name, and remarks such as who
    signed the folder. `key` is the public key that must have signed it.

    Raises an input error if the folder is not an audit folder, or of a newer format.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(folder, "holds no manifest.json", "name a folder of `touchline audit`")
    faults = list(_check_manifest(folder))
    listed = None if faults else _read_manifest_digests(folder)
    if listed is None:
        return faults or [f"{MANIFEST}: cannot be read"], []
    faults += _check_files(folder, listed)
    if faults:  # what follows would only say the same in other words
        return faults, []
    notes = [_check_signature(folder, key, faults)]
    for part in (_events, _page, _card, _recounted):
        try:
            faults += part(folder)
        except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
            # All hashes fit, so whoever sealed it wrote a file that is none, or left it out.
            reason = " ".join(str(error).split()).replace(str(folder), "")[:100]
            faults.append(
                f"{part.__name__[1:]}: cannot be checked ({type(error).__name__}: {reason})"
            )
    return faults, notes


def _check_manifest(folder: Path) -> Iterator[str]:
    recorded_sum = (folder / SUM).read_bytes() if (folder / SUM).is_file() else b""
    if recorded_sum != f"{hash_file_sha256(folder / MANIFEST)}  {MANIFEST}\n".encode():
        yield f"{MANIFEST}: does not match {SUM}: one of the two was changed"


def _read_manifest_digests(folder: Path) -> dict[str, str] | None:
    """{path: sha256} of the manifest; None if it cannot be parsed."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["files"]
        listed = {str(path): str(entry["sha256"]) for path, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if version != FORMAT:
        wrong = f"is of format {version}, this version reads {FORMAT}"
        raise InputError(folder / MANIFEST, wrong, "check it with a newer touchline")
    return listed


def _check_files(folder: Path, listed: dict[str, str]) -> Iterator[str]:
    for path, digest in listed.items():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            yield f"{MANIFEST}: names a file outside of the folder: {path}"
        elif not (folder / path).is_file() or (folder / path).is_symlink():
            yield f"{path}: is missing"
        elif hash_file_sha256(folder / path) != digest:
            yield f"{path}: was changed (its sha256 is not the one in {MANIFEST})"
    listed_names = {*listed, MANIFEST, SUM, SIGNATURE}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in listed_names:
            yield f"{name}: stands in no manifest"


def _check_signature(folder: Path, key: Path | None, faults: list[str]) -> str:
    file = folder / SIGNATURE
    if not file.is_file():
        if key is not None:
            faults.append(f"{SIGNATURE}: is missing: the folder is not signed")
        return "not signed: whoever can write here could have written all of it"
    try:
        return signature.verify_signature(
            file.read_text(errors="replace"), (folder / MANIFEST).read_bytes(), key
        )
    except InputError as fault:
        faults.append(str(fault))
        return ""


def _events(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "events").glob("*.jsonl")):
        contents = event_chain.read_chain(file)
        for fault in contents.faults:
            yield f"events/{file.name}: {fault}"


def _page(folder: Path) -> Iterator[str]:
    reader, load = PageParser(), _json_loader(folder)
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    for text, file, place, shape in reader.figures:
        if fault := _check_figure(folder, load, text, file, place, shape):
            yield f"index.html: {fault}"
    for text in reader.unlinked_numbers:
        yield f"index.html: the number {text} links to no file"


def _json_loader(folder: Path) -> Callable[[str], Any]:
    """A cached reader of the folder's JSON files; each is parsed once."""
    return cache(partial(_read_json, folder))


def _check_figure(
    folder: Path, load: Callable[[str], Any], text: str, file: str, place: str, shape: str
) -> str:
    """What is wrong with one figure; empty if it matches its source."""
    pure = PurePosixPath(file)
    source = folder / file
    if pure.is_absolute() or ".." in pure.parts or not source.is_file():
        return f"{text[:40]!r} links to {file}, which is not here"
    if shape == "name":
        return "" if text == file else f"calls {file} {text}"
    if not place:
        content = source.read_text(encoding="utf-8", errors="replace")
        return (
            ""
            if _normalize_newlines(text) == _normalize_newlines(content)
            else f"the quotation of {file} is not what it says"
        )
    try:
        expected = figures.format_figure(load(file), place, shape)
    except (KeyError, ValueError, TypeError):
        return f"{text!r} links to {place} of {file}, where there is nothing like it"
    return "" if expected == text else f"says {text!r} where {place} of {file} is {expected!r}"


def _normalize_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


class PageParser(HTMLParser):
    """HTML parser that collects the figures of a page, and the numbers in its text that link to no
    file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[tuple[str, str, str, str]] = []
        self.unlinked_numbers: list[str] = []
        self.open_tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID_TAGS:
            self.open_tags.append((tag, {k: v or "" for k, v in attrs}))
            self.text = "" if "data-file" in self.open_tags[-1][1] else self.text

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Ignored: a self-closing tag holds no text."""

    def handle_endtag(self, tag: str) -> None:
        while self.open_tags:
            name, attributes = self.open_tags.pop()
            if "data-file" in attributes:
                place, shape = attributes.get("data-at", ""), attributes.get("data-as", "text")
                self.figures.append((self.text, attributes["data-file"], place, shape))
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if any("data-file" in attributes for _, attributes in self.open_tags):
            self.text += data
        elif not any(name in UNSEEN_TAGS for name, _ in self.open_tags):
            self.unlinked_numbers += NUMBER.findall(data)


def _card(folder: Path) -> Iterator[str]:
    text, load = (folder / "card.md").read_text(encoding="utf-8"), _json_loader(folder)
    for figure_text, file, place in LINK.findall(text):
        shape = "count" if figure_text.replace(",", "").isdigit() else "figure"
        if fault := _check_figure(folder, load, figure_text, file, place, shape):
            yield f"card.md: {fault}"
    record = (folder / "run.json").read_text(encoding="utf-8")
    bare = LINK.sub("", text)
    for quoted in QUOTED.findall(bare):
        if json.dumps(quoted, ensure_ascii=False)[1:-1] not in record:
            yield f"card.md: {quoted!r} does not stand in run.json"
    for number in NUMBER.findall(QUOTED.sub("", bare)):
        yield f"card.md: the number {number} links to no file"


def _recounted(folder: Path) -> Iterator[str]:
    """Recompute the ledger counts and the energy estimate, and compare them with the
    recorded ones.
    """
    record, recorded_counts = (
        _read_json(folder, "run.json"),
        _read_json(folder, "measured/counts.json"),
    )
    recorded_energy = _read_json(folder, "measured/energy.json")
    for stage, ledger_counts in recorded_counts["ledgers"].items():
        ledger = folder / "ledgers" / f"{stage}.parquet"
        if ledger.is_file() and facts.count_ledger_states(ledger, withheld=False) != ledger_counts:
            yield f"measured/counts.json: {stage} is not what its ledger comes to"
    if facts.estimate_run_energy(record, recorded_energy["watts"]) != recorded_energy:
        yield "measured/energy.json: is not what its formula gives for run.json"
    yield from _check_texts(folder, record)


def _read_json(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _check_texts(folder: Path, record: dict[str, Any]) -> Iterator[str]:
    """Check that the texts given to models have the digests recorded in the run."""
    input_digests = {f["path"]: f["md5"] for s in record["stages"].values() for f in s["inputs"]}
    for file in sorted((folder / "texts").rglob("*")):
        name = file.relative_to(folder / "texts").as_posix()
        if file.is_file() and hashlib.md5(file.read_bytes()).hexdigest() != input_digests.get(name):
            yield f"texts/{name}: is not the file that the run read"
