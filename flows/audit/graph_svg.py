"""The stage graph of a run as SVG: a box per stage with its products, from videos to scores."""

from collections.abc import Mapping
from typing import Any

import networkx
from markupsafe import Markup

from flows.audit.figures import FigureQuoter

WIDE, LINE, GAP, PAD = 300, 18, 58, 12  # pixels
LEDGER_KEYS = ("rows", "kept", "split", "dropped")


def draw_run_graph(
    quote: FigureQuoter, stages: Mapping[str, Any], counts: Mapping[str, Any]
) -> Markup:
    """The SVG of the graph: stages in topological layers, and on the edges the
    ledger's row counts.
    """
    graph = networkx.DiGraph()
    graph.add_nodes_from(stages)
    graph.add_edges_from(
        (n, s) for s, stage in stages.items() for n in stage["needs"] if n in stages
    )
    graph = networkx.transitive_reduction(graph)
    places, depth = {}, 0.0
    for layer in networkx.topological_generations(graph):
        tall = max(_box_height(stages[name]) for name in layer)
        for column, name in enumerate(layer):
            places[name] = (20 + column * (WIDE + 260), depth, _box_height(stages[name]))
        depth += tall + GAP
    wide = max(x for x, _, _ in places.values()) + WIDE + 380
    parts = [_edge(quote, places, counts, a, b) for a, b in graph.edges]
    parts += [_box(quote, name, stages[name], counts, places[name]) for name in places]
    frame = '<svg viewBox="0 0 {} {}" width="{}" role="img" aria-label="The graph">{}</svg>'
    return Markup(frame).format(wide, int(depth), wide, Markup("").join(parts))


def _box_height(stage: Mapping[str, Any]) -> int:
    return PAD * 2 + LINE * (1 + len(_products_shown(stage)))


def _products_shown(stage: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """(number, product) of the products drawn; metrics files are left out."""
    products = list(enumerate(stage["products"]))
    return [(n, file) for n, file in products if "/metrics/" not in file["path"]]


def _box(
    quote: FigureQuoter,
    name: str,
    stage: Mapping[str, Any],
    counts: Mapping[str, Any],
    place: tuple[float, float, int],
) -> Markup:
    x, y, tall = place
    lines = [
        Markup('<tspan class="stage">{}</tspan>').format(
            _quote_key(quote, "run.json", "stages", name)
        )
    ]
    for number, file in _products_shown(stage):
        path = ("stages", name, "products", number, "path")
        line = quote("run.json", *path, tag="tspan")
        if file["path"] in counts["rows"]:
            rows = quote("measured/counts.json", "rows", file["path"], shape="count", tag="tspan")
            line += Markup(" \N{MIDDLE DOT} {} rows").format(rows)
        lines.append(line)
    rect = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="8"/>').format(x, y, WIDE, tall)
    return rect + _text_block(x + PAD, y + PAD + 13, lines)


def _edge(
    quote: FigureQuoter, places: Mapping[str, Any], counts: Mapping[str, Any], a: str, b: str
) -> Markup:
    (ax, ay, tall), (bx, by, _) = places[a], places[b]
    ends = (ax + WIDE / 2, ay + tall, bx + WIDE / 2, by)
    line = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"/>').format(*ends)
    if b not in counts["ledgers"]:
        return line
    spans = [Markup("to {}: ").format(_quote_key(quote, "run.json", "stages", b))]
    for key in LEDGER_KEYS:
        figure = quote("measured/counts.json", "ledgers", b, key, shape="count", tag="tspan")
        spans.append(Markup("{} {}  ").format(figure, "in," if key == "rows" else key))
    return line + _text_block(bx + WIDE / 2 + 12, by - GAP / 2 + 4, [Markup("").join(spans)])


def _quote_key(quote: FigureQuoter, *path: str) -> Markup:
    return quote(*path, shape="key", tag="tspan")


def _text_block(x: float, y: float, lines: list[Markup]) -> Markup:
    spans = [
        Markup('<tspan x="{}" y="{}">{}</tspan>').format(x, y + LINE * n, line)
        for n, line in enumerate(lines)
    ]
    return Markup("<text>{}</text>").format(Markup("").join(spans))
