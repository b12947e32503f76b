"""A picture as a player shows it: a phone held upright notes the turn in the file."""

from fractions import Fraction

from av.filter import Graph
from av.video.frame import VideoFrame

TURNS = {90: ("cclock",), -90: ("clock",), 180: ("clock", "clock"), -180: ("clock", "clock")}


def upright(frame: VideoFrame) -> VideoFrame:
    """The frame turned by its display matrix in steps of 90 degrees; without one, itself."""
    turns = TURNS.get(frame.rotation, ())
    if not turns:
        return frame
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    for turn in turns:
        step = graph.add("transpose", turn)
        last.link_to(step)
        last = step
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    return graph.pull()  # type: ignore[return-value]
