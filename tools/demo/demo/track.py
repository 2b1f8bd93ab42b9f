"""Sees what a clip shows: where the shape is, how large, how turned, and from these which motion; and whether it kept shape and colour.

The ground of the scene is known, so the shape is what differs from it.
"""

import math
from dataclasses import replace

import numpy as np
import torch

from . import draw
from .language import COLOURS, SHAPES
from .scene import GROWTH, TRAVEL, TURN, Scene

# After how many of a full turn's equal parts a shape looks the same.
SYMMETRY = {"square": 4, "cross": 4, "triangle": 3}
# Share of the default motion from which on a shape counts as moving; half of what "slowly" asks for.
MOVES = 0.25


def covered(clip: torch.Tensor, scene: Scene) -> torch.Tensor:
    """How much of every pixel is shape, 0..1: `[frame, h, w]` of a clip `[frame, 3, h, w]` in 0..1."""
    height, width = clip.shape[-2:]
    ground = draw.grounds([scene], height, width)
    away = torch.tensor(COLOURS[scene.colour])[None, :, None, None] - ground
    share = ((clip - ground) * away).sum(1) / away.pow(2).sum(1)
    return torch.where(share > 0.35, share.clamp(0, 1), torch.zeros_like(share))


def _moments(mask: torch.Tensor):
    """Centre in parts of the shorter side, area in pixels, of every frame; and the pixels' places around the centre as complex numbers."""
    height, width = mask.shape[-2:]
    y, x = draw.grid(height, width)
    area = mask.sum((1, 2)).clamp_min(1e-3)
    cx, cy = (mask * x).sum((1, 2)) / area, (mask * y).sum((1, 2)) / area
    return cx, cy, area, torch.complex(x - cx[:, None, None], y - cy[:, None, None])


def paces(clip: torch.Tensor, scene: Scene, fps: float) -> dict[str, float]:
    """How fast the clip shows each motion, as a factor of the default speed."""
    mask = covered(clip, scene)
    cx, cy, area, places = _moments(mask)
    seconds = (len(clip) - 1) / fps
    right = (cx[-1] - cx[0]).item() / (TRAVEL * seconds)
    down = (cy[-1] - cy[0]).item() / (TRAVEL * seconds)
    growing = 0.5 * math.log((area[-1] / area[0]).item()) / (GROWTH * seconds)
    result = dict(right=right, left=-right, down=down, up=-down, growing=growing, shrinking=-growing)
    if order := SYMMETRY.get(scene.shape):
        angles = torch.angle((mask * places**order).sum((1, 2))).numpy()
        turned = np.unwrap(angles)
        turning = float(turned[-1] - turned[0]) / order / (TURN * seconds)
        result.update(clockwise=turning, counterclockwise=-turning)
    return result


def motion(paces: dict[str, float], turning: bool = True) -> str:
    """The fastest motion, or "resting"; without `turning` among the seven that every shape can show."""
    seen = {name: pace for name, pace in paces.items() if turning or "clockwise" not in name}
    fastest = max(seen, key=seen.get)
    return fastest if seen[fastest] > MOVES else "resting"


def shape(frame: torch.Tensor, scene: Scene) -> str:
    """Which shape a frame `[3, h, w]` shows: the one that overlaps most."""
    found = overlaps(frame, scene)
    return max(found, key=found.get)


def overlaps(frame: torch.Tensor, scene: Scene, shapes=SHAPES) -> dict[str, float]:
    """How well shapes fit what a frame `[3, h, w]` shows (intersection by union, 0..1), each at the place, size and angle that suit it best."""
    height, width = frame.shape[-2:]
    mask = covered(frame[None], scene)
    cx, cy, area, _ = _moments(mask)
    found = {}
    for name in shapes:
        turn = 2 * math.pi / SYMMETRY.get(name, 1)
        angles = [0.0] if name == "circle" else [turn * at / 12 for at in range(12)]
        unit = replace(scene, shape=name, motion="resting", x=cx.item(), y=cy.item(), angle=0.0, radius=0.2)
        own = draw.masks([unit], torch.zeros(1, 1), height * 2, height * 2).sum().item() / 4
        radius = 0.2 * math.sqrt(area.item() / own)
        tries = [replace(unit, radius=radius, angle=angle, softness=1.5) for angle in angles]
        drawn = draw.masks(tries, torch.zeros(len(tries), 1), height, width)[:, 0]
        overlap = torch.minimum(drawn, mask).sum((1, 2)) / torch.maximum(drawn, mask).sum((1, 2)).clamp_min(1e-3)
        found[name] = overlap.max().item()
    return found


def inside(frame: torch.Tensor, scene: Scene) -> list[float]:
    """The mean colour of the shape's inside in a frame `[3, h, w]`, 0..1."""
    away = (frame - draw.grounds([scene], *frame.shape[-2:])[0]).norm(dim=0)
    return frame[:, away > 0.75 * away.max()].mean(1).tolist()


def colour(frame: torch.Tensor, scene: Scene) -> str:
    """The name of the colour that the shape's inside is nearest to, in a frame `[3, h, w]`."""
    seen = inside(frame, scene)
    return min(COLOURS, key=lambda name: math.dist(seen, COLOURS[name]))


def whole(scene: Scene, seconds: float, size: int) -> bool:
    """Is the shape still inside the picture then? What is cut off by the border cannot be told by its outline."""
    mask = draw.masks([scene], torch.tensor([[seconds]]), size, size)[0, 0]
    return torch.cat([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).max().item() == 0
