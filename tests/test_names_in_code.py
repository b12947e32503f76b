"""No code asks what a sport is called: what is special about one stands in its own file."""

import ast
from collections.abc import Iterator
from pathlib import Path

from touchline.sports import SPORTS

TOP = Path(__file__).parents[1]


def test_no_code_but_that_of_sports_and_sources_compares_with_a_sports_name():
    files = [
        file
        for room in ("touchline", "stages", "flows")
        for file in sorted((TOP / room).rglob("*.py"))
        if not {TOP / "touchline/sports", TOP / "touchline/sources"} & set(file.parents)
    ]
    assert not [
        f"{file.relative_to(TOP)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare | ast.Dict) and set(SPORTS) & set(_list_texts(node))
    ]


def _list_texts(node: ast.Compare | ast.Dict) -> Iterator[str]:
    """The literals that a comparison compares, or that are a dict's keys."""
    if isinstance(node, ast.Dict):
        parts = [key for key in node.keys if key]
    else:
        parts = [node.left, *node.comparators]
    for part in parts:
        within = part.elts if isinstance(part, ast.Tuple | ast.List | ast.Set) else [part]
        yield from (
            text.value
            for text in within
            if isinstance(text, ast.Constant) and isinstance(text.value, str)
        )
