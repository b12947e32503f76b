"""Which files of this project a module can reach by its imports, read off their source.

It decides what a DVC stage depends on and what the key of a cached answer covers.
"""

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

PROJECT_ROOT = Path(__file__).parents[1]
PACKAGES = ("touchline", "stages", "flows")


@cache
def list_imports(file: Path) -> frozenset[str]:
    """Dotted names of our own that a file imports anywhere, function bodies included.

    For `from a.b import c` both `a.b` and `a.b.c`. What stands under `if TYPE_CHECKING:` is never
    run and is left out.
    """
    names: set[str] = set()
    for node in _walk_executed(_parse_file(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.split(".")[0] in PACKAGES)


def find_module_files(module: str, with_parents: bool = True) -> list[Path]:
    """The file of a module; with `with_parents` also the `__init__` of each package above it."""
    parts = module.split(".")
    first = 1 if with_parents else len(parts)
    files = [PROJECT_ROOT.joinpath(*parts[:n], "__init__.py") for n in range(first, len(parts) + 1)]
    files.append(PROJECT_ROOT.joinpath(*parts).with_suffix(".py"))
    return [path for path in files if path.is_file()]


def find_reached_files(starts: Collection[Path], with_parents: bool = True) -> frozenset[Path]:
    """All of our files with code that running `starts` may import, themselves included.

    Importing a.b.c runs the `__init__` of a and a.b, too. Without `with_parents` these count only
    where something is imported from them: a catalogue does not draw in all that it lists.
    """
    reached: set[Path] = set()
    pending = [*starts]
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            names = list_imports(current)
            pending += [path for name in names for path in find_module_files(name, with_parents)]
    return frozenset(path for path in reached if has_code(path))


def has_code(file: Path) -> bool:
    """Whether a Python file holds more than a docstring."""
    return any(not _is_docstring(statement) for statement in _parse_file(file).body)


def list_texts(folder: Path) -> list[Path]:
    """The files of a room that are not Python, sorted: prompts, templates, styles.

    Those of its subfolders count, too, unless a subfolder holds Python and so is its own room.
    """
    texts: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__" and not any(path.glob("*.py")):
            texts += list_texts(path)
        elif path.is_file() and path.suffix not in (".py", ".pyc"):
            texts.append(path)
    return texts


@cache
def _parse_file(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _walk_executed(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for child in ast.iter_child_nodes(node):
        if not (is_typing and child in node.body):  # type: ignore[attr-defined]
            yield from _walk_executed(child)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
