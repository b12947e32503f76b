"""A record of many fields is made by their names: two that are swapped would go unseen."""

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[1]
MOST = 5  # values that a record takes by their place


def test_no_record_of_many_fields_is_made_by_position():
    trees = [
        (file, ast.parse(file.read_text(encoding="utf-8")))
        for room in ("touchline", "stages", "flows")
        for file in sorted((TOP / room).rglob("*.py"))
    ]
    records = {name for _, tree in trees for name in _list_records(tree)}
    assert {"Question", "Video", "Sport"} <= records
    assert not [
        f"{file.relative_to(TOP)}:{call.lineno} {name}"
        for file, tree in trees
        for name, call in _list_calls(tree)
        if name in records and _count_places(call) > MOST
    ]


def _list_records(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            marks = [ast.unparse(mark) for mark in (*node.decorator_list, *node.bases)]
            if any(mark.startswith(("dataclass", "NamedTuple")) for mark in marks):
                yield node.name


def _list_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def _count_places(call: ast.Call) -> int:
    places = 0
    for argument in call.args:
        inner = argument.value if isinstance(argument, ast.Starred) else None
        places += len(inner.elts) if isinstance(inner, ast.Tuple | ast.List) else 1
    return places
