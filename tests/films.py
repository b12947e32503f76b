"""Small real films for tests, each as different as its seed."""

from pathlib import Path

import av
import numpy as np


def film(
    path: Path, frames: int = 50, codec: str = "libx264", crf: str = "23", seed: int = 1
) -> Path:
    """96x64 pixels at 25 frames per second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as box:
        options = {"crf": crf, "preset": "ultrafast"} if codec == "libx264" else {}
        video = box.add_stream(codec, rate=25, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        picture = np.random.default_rng(seed).integers(0, 255, (64, 96, 3), dtype=np.uint8)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, number, 1), format="rgb24")
            box.mux(video.encode(frame))
        box.mux(video.encode())
    return path
