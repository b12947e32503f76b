"""Write docs/api.md: every module with its public names and the first sentence of each docstring.

Reads the source only; imports none of it. `make api` runs this.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
STOREYS = ("touchline", "stages", "flows")
HEAD = """# Public names by room

Written by `make api` from the docstrings; a test fails when it is out of date.
"""


def build_api_page(root: Path) -> str:
    """The text of docs/api.md for the source tree at `root`."""
    lines = [HEAD]
    room = ""
    for path in list_module_files(root):
        if path.parent.as_posix() != room:
            room = path.parent.as_posix()
            lines.append(f"\n## {room}\n")
        lines += describe_module(root, path)
    return "\n".join(lines) + "\n"


def list_module_files(root: Path) -> list[Path]:
    """Paths, relative to `root`, of the modules of all storeys, folder by folder."""
    files = [path.relative_to(root) for name in STOREYS for path in (root / name).rglob("*.py")]
    order = {name: place for place, name in enumerate(STOREYS)}
    return sorted(files, key=lambda path: (order[path.parts[0]], path.parent.parts, path.name))


def describe_module(root: Path, path: Path) -> Iterator[str]:
    """Markdown lines for one module: the module, then each public function and class of it."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    sentence = extract_first_sentence(tree)
    names = _list_public_definitions(tree)
    if not sentence and not names:
        return
    yield f"- **`{path.as_posix()}`** {sentence}".rstrip()
    for node in names:
        call = "()" if not isinstance(node, ast.ClassDef) else ""
        yield f"  - `{node.name}{call}` {extract_first_sentence(node)}".rstrip()


def extract_first_sentence(node: ast.Module | Definition) -> str:
    """The first sentence of the docstring on one line, or "" without a docstring."""
    paragraph = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return (sentence + stop.strip()).replace("|", "\\|").replace("<", "&lt;")


def _list_public_definitions(tree: ast.Module) -> list[Definition]:
    return [node for node in tree.body if isinstance(node, Definition) and node.name[0] != "_"]


if __name__ == "__main__":
    PAGE.write_text(build_api_page(ROOT), encoding="utf-8")
