"""Draws scenes: signed distances to the shapes, smoothed over a pixel or two at the rim."""

import math

import torch
from PIL import Image

from .language import COLOURS
from .scene import Scene, pose


def grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinates of the pixels' centres from the centre of the picture, in parts of its shorter side, `[height, width]` each."""
    side = min(height, width)
    y = (torch.arange(height) + 0.5 - height / 2) / side
    x = (torch.arange(width) + 0.5 - width / 2) / side
    return torch.meshgrid(y, x, indexing="ij")


def grounds(scenes: list[Scene], height: int, width: int) -> torch.Tensor:
    """The scenes without their shapes, `[scene, 3, height, width]` in 0..1."""
    y, x = grid(height, width)
    of = lambda name: torch.tensor([getattr(scene.ground, name) for scene in scenes])[:, None, None]
    direction, turn, frequency, phase = of("direction"), of("texture_direction"), of("frequency"), of("phase")
    along = ((x * direction.cos() + y * direction.sin()) / 1.3 + 0.5)[:, None]
    first = torch.tensor([scene.ground.first for scene in scenes])[:, :, None, None]
    second = torch.tensor([scene.ground.second for scene in scenes])[:, :, None, None]
    u, v = x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()
    pattern = torch.sin(2 * math.pi * frequency * u + phase) * torch.sin(2 * math.pi * frequency * v + 1.7 * phase)
    return (first * (1 - along) + second * along + (of("texture") * pattern)[:, None]).clamp(0, 1)


def _distance(shape: str, u: torch.Tensor, v: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """Signed distance to the rim of an upright shape at the origin (negative inside; a bound of it near corners)."""
    match shape:
        case "circle":
            return (u**2 + v**2).sqrt() - radius
        case "square":
            return torch.maximum(u.abs(), v.abs()) - 0.886 * radius
        case "triangle":
            slope = math.sqrt(3) / 2
            edge = torch.maximum(slope * u.abs() - 0.5 * v, v)
            return edge - 0.675 * radius
        case "cross":
            upright = torch.maximum(u.abs() - 0.36 * radius, v.abs() - 1.1 * radius)
            level = torch.maximum(v.abs() - 0.36 * radius, u.abs() - 1.1 * radius)
            return torch.minimum(upright, level)
        case _:
            raise ValueError(f"there is no shape called {shape}")


def masks(scenes: list[Scene], seconds: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """How much of each pixel the shape covers: `seconds` is `[scene, frame]`, the result `[scene, frame, height, width]`."""
    y, x = grid(height, width)
    result = []
    for scene, times in zip(scenes, seconds.tolist()):
        poses = torch.tensor([pose(scene, time) for time in times])[:, :, None, None]
        dx, dy, radius, angle = x - poses[:, 0], y - poses[:, 1], poses[:, 2], poses[:, 3]
        u, v = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
        result.append((0.5 - _distance(scene.shape, u, v, radius) * min(height, width) / scene.softness).clamp(0, 1))
    return torch.stack(result)


def clips(scenes: list[Scene], frames: int, fps, height: int = 64, width: int = 64) -> torch.Tensor:
    """The scenes as clips, `[scene, frame, 3, height, width]` in 0..1. `fps` is one number or one for each scene."""
    rates = torch.as_tensor(fps, dtype=torch.float32).expand(len(scenes))[:, None]
    seconds = torch.arange(frames)[None] / rates
    alpha = masks(scenes, seconds, height, width)[:, :, None]
    colour = torch.tensor([COLOURS[scene.colour] for scene in scenes])[:, None, :, None, None]
    return grounds(scenes, height, width)[:, None] * (1 - alpha) + colour * alpha


def picture(frame: torch.Tensor) -> Image.Image:
    """A frame `[3, h, w]` in 0..1 as a picture of 8 bits."""
    return Image.fromarray((frame.permute(1, 2, 0) * 255).round().byte().numpy())
