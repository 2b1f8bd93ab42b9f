"""Clips ready for training: drawn, encoded by the finished VAE, kept in memory and slowly replaced by new ones."""

from random import Random
from typing import NamedTuple

import torch

from . import draw
from .scene import Scene, sample
from .training import device

FRAMES = 8
# Frames per second; at 16 a clip of eight frames shows half of the motion.
RATES = (8, 8, 8, 16)


class Item(NamedTuple):
    latents: torch.Tensor
    picture: torch.Tensor
    scene: Scene
    fps: int


class Pool:
    def __init__(self, vae, seed: int, capacity: int):
        self.vae, self.rng, self.capacity = vae, Random(seed), capacity
        self.items: list[Item] = []

    @torch.no_grad()
    def add(self, number: int) -> None:
        """Draws and encodes so many new clips; a full pool forgets others for them."""
        scenes = [sample(self.rng) for _ in range(number)]
        rates = [self.rng.choice(RATES) for _ in scenes]
        for item in encode(self.vae, scenes, rates):
            if len(self.items) < self.capacity:
                self.items.append(item)
            else:
                self.items[self.rng.randrange(self.capacity)] = item

    def draw(self, number: int) -> list[Item]:
        return self.rng.sample(self.items, number)


@torch.no_grad()
def encode(vae, scenes: list[Scene], rates: list[int]) -> list[Item]:
    """The scenes as latents `[4, frame, h, w]`, scaled, with their first frames in 0..1."""
    clips = draw.clips(scenes, FRAMES, torch.tensor(rates)).to(device())
    latents = vae.encode(clips.flatten(0, 1) * 2 - 1).latent_dist.sample() * vae.config.scaling_factor
    latents = latents.view(len(scenes), FRAMES, *latents.shape[1:]).transpose(1, 2)
    parts = zip(latents.half(), clips[:, 0].half(), scenes, rates)
    return [Item(latent.clone(), picture.clone(), scene, rate) for latent, picture, scene, rate in parts]
