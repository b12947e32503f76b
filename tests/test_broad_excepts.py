"""A handler of `Exception` or `BaseException` stands only at a border, and says at which one."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BROAD_NAMES = {"Exception", "BaseException"}


def list_broad_handlers() -> Iterator[tuple[str, list[str]]]:
    """(file:line, the handler's line and the line of its `try`) of all broad handlers."""
    for top in ("touchline", "stages", "flows"):
        for file in (ROOT / top).rglob("*.py"):
            lines = file.read_text().splitlines()
            for node in ast.walk(ast.parse("\n".join(lines))):
                if isinstance(node, ast.Try):
                    for handler in filter(is_broad, node.handlers):
                        place = f"{file.relative_to(ROOT)}:{handler.lineno}"
                        yield place, [lines[handler.lineno - 1], lines[node.lineno - 1]]


def is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(BROAD_NAMES & names)


def test_a_broad_except_says_why_it_must_be_broad() -> None:
    unexplained = [
        place for place, lines in list_broad_handlers() if not any("  # " in line for line in lines)
    ]
    assert unexplained == []
