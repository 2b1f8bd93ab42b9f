"""Draws the input picture: smooth shades, hard edges and fine lines, so that cropping and resizing show."""

import numpy as np
from PIL import Image


def draw_picture(width: int, height: int) -> Image.Image:
    """An 8-bit RGB picture of a hill, a sun, a hut and thin stripes."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = (x + 0.5) / width, (y + 0.5) / height  # [H, W] each, in (0, 1)
    rgb = np.stack([110 + 90 * v, 150 + 60 * u, 235 - 120 * v], axis=-1)  # [H, W, 3]
    hill = v > 0.68 - 0.14 * np.sin(2.2 * np.pi * u)
    rgb[hill] = np.stack([40 + 60 * u, 110 + 50 * np.cos(19 * u), 45 + 70 * v], axis=-1)[hill]
    rgb[(u - 0.72) ** 2 + ((v - 0.25) * height / width) ** 2 < 0.012] = (250, 222, 120)
    rgb[(abs(u - 0.27) < 0.1) & (abs(v - 0.62) < 0.13)] = (165, 48, 52)
    rgb[(abs(u - 0.25) < 0.03) & (v > 0.6) & (v < 0.75)] = (24, 20, 70)
    rgb[:, width * 7 // 8 : width * 7 // 8 + 6 : 2] = (245, 245, 245)
    rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
    return Image.fromarray(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))
