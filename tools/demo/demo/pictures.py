"""Draws the example pictures at sizes of photographs, and the list of clips that `i2vgen batch` makes of them."""

import json
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from . import draw
from .scene import Ground, Scene

# (colour, shape, width, height, prompt). The seed of a ground is its place in the list.
PICTURES = (
    ("red", "circle", 512, 384, "a red circle is moving right"),
    ("blue", "square", 640, 480, "the blue square is rotating"),
    ("green", "triangle", 480, 640, "a green triangle is growing"),
    ("yellow", "cross", 640, 360, "a yellow cross is falling slowly"),
)
GROUNDS = (
    ((0.85, 0.80, 0.62), (0.35, 0.60, 0.75), 1.2),
    ((0.92, 0.75, 0.45), (0.75, 0.80, 0.70), 0.4),
    ((0.80, 0.55, 0.65), (0.88, 0.85, 0.80), 2.0),
    ((0.25, 0.35, 0.60), (0.45, 0.25, 0.50), 1.8),
)


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for (colour, shape, width, height, prompt), (first, second, direction) in zip(PICTURES, GROUNDS):
        rng = Random(prompt)
        ground = Ground(first, second, direction, 0.03, 1.6, rng.uniform(0, 3), rng.uniform(0, 6))
        scene = Scene(shape, colour, "resting", "normal", "continuous", 0.0, 0.0, 0.18, 0.0, 2.0, ground)
        picture = draw.clips([scene], 1, 8, height, width)[0, 0].permute(1, 2, 0).numpy()
        name = f"{colour}-{shape}.png"
        # A photograph is never perfectly smooth.
        grain = np.random.default_rng(len(jobs)).normal(0, 1.5, picture.shape[:2])[:, :, None]
        Image.fromarray((picture * 255 + grain).round().clip(0, 255).astype(np.uint8)).save(folder / name, optimize=True)
        jobs.append(json.dumps(dict(picture=name, prompt=prompt, output=f"{colour}-{shape}.mp4", seed=1)))
    (folder / "clips.jsonl").write_text("\n".join(jobs) + "\n")
