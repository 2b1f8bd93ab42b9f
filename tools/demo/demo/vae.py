"""Trains the VAE on single frames: crops first (four times as many for the same time), whole frames at the end."""

import math
from pathlib import Path
from random import Random

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn.functional import max_pool2d

from . import draw
from .initial import calm
from .scene import sample
from .training import Trainer, device

SIZE = 64
CROP = 32
CHANNELS = (16, 32, 64, 96)
# Part of the steps that see crops.
CROPPED = 0.75
# Weight of the KL divergence per latent element: sharp pictures from latents that stay near a normal distribution.
DIVERGENCE = 1.5e-4


def network() -> AutoencoderKL:
    """The published VAE's architecture, narrower: four blocks, so one latent pixel for 8x8."""
    levels = len(CHANNELS)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIZE,
    )


def frames(rng: Random, number: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames in -1..1 and the weight of every pixel: the rims of shapes count four times. A quarter shows two shapes."""
    scenes = [sample(rng, tense="continuous") for _ in range(number)]
    seconds = torch.tensor([[rng.uniform(0, 1.1)] for _ in scenes])
    alpha = draw.masks(scenes, seconds, SIZE, SIZE)
    colours = torch.tensor([draw.COLOURS[scene.colour] for scene in scenes])[:, :, None, None]
    pictures = draw.grounds(scenes, SIZE, SIZE) * (1 - alpha) + colours * alpha
    second = (torch.tensor([rng.random() for _ in scenes]) < 0.25).float()[:, None, None, None]
    other = alpha.roll(1, 0).roll((rng.randrange(-20, 21), rng.randrange(-20, 21)), (2, 3)) * second
    pictures = pictures * (1 - other) + colours.roll(1, 0) * other
    shapes = torch.maximum(alpha, other)
    rims = max_pool2d(shapes, 5, 1, 2) + max_pool2d(-shapes, 5, 1, 2)
    weights = 1 + 3 * rims
    pictures = pictures * 2 - 1
    if size < SIZE:
        corners = [_corner(scene, rng, size) for scene in scenes]
        cut = lambda images: torch.stack([image[:, y : y + size, x : x + size] for image, (y, x) in zip(images, corners)])
        pictures, weights = cut(pictures), cut(weights)
    return pictures.to(device()), weights.to(device())


def _corner(scene, rng: Random, size: int) -> tuple[int, int]:
    """A window that usually contains a part of the shape."""
    at = lambda centre: min(SIZE - size, max(0, int((centre + 0.5) * SIZE - size / 2 + rng.uniform(-size / 2, size / 2))))
    return at(scene.y), at(scene.x)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Of pictures in -1..1, in dB."""
    return -10 * math.log10(((a - b) / 2).pow(2).mean().item() + 1e-12)


def train(rank: int, folder: Path, steps: int, batch: int) -> None:
    torch.manual_seed(0)
    vae = network().to(device())
    calm(vae, 0.05)
    with torch.no_grad():
        vae.quant_conv.weight[4:] *= 0.1
        vae.quant_conv.bias[4:] = -6.0
    trainer = Trainer(rank, folder, nn.ModuleDict(dict(vae=vae)), steps, rate=1e-3, decay_from=0.4, average=0.995)
    rng = Random(1000 * rank + trainer.at)
    torch.manual_seed(1000 * rank + trainer.at)
    trainer.say(f"VAE: {sum(p.numel() for p in vae.parameters()) / 1e6:.2f} M parameters")
    while not trainer.done():
        cropped = trainer.progress() < CROPPED
        pictures, weights = frames(rng, batch if cropped else batch // 2, CROP if cropped else SIZE)
        posterior = vae.encode(pictures).latent_dist
        decoded = vae.decode(posterior.sample()).sample
        error = (decoded - pictures) * weights.sqrt()
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        trainer.note(psnr=psnr(decoded.detach(), pictures), kl=divergence.detach())
        trainer.step(0.5 * error.abs().mean() + 2 * error.pow(2).mean() + DIVERGENCE * divergence)
        if trainer.at % 100 == 0:
            trainer.report()
        if trainer.at % 500 == 0 or trainer.done():
            trainer.save()
    if rank == 0:
        finish(trainer, vae, folder)


def refine(rank: int, folder: Path, start: Path, steps: int, batch: int) -> None:
    """Goes on with the decoder alone, on whole frames: pictures get sharper, latents (and the UNet trained on them) stay valid."""
    torch.manual_seed(0)
    vae = AutoencoderKL.from_pretrained(start).to(device())
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    trainer = Trainer(rank, folder, nn.ModuleDict(dict(vae=vae)), steps, rate=7e-4, decay_from=0.2, average=0.995)
    rng = Random(500_000 + 1000 * rank + trainer.at)
    torch.manual_seed(500_000 + 1000 * rank + trainer.at)
    while not trainer.done():
        pictures, weights = frames(rng, batch, SIZE)
        with torch.no_grad():
            latents = vae.encode(pictures).latent_dist.sample()
        decoded = vae.decode(latents).sample
        error = (decoded - pictures) * weights.sqrt()
        trainer.note(psnr=psnr(decoded.detach(), pictures))
        trainer.step(0.5 * error.abs().mean() + 2 * error.pow(2).mean())
        if trainer.at % 100 == 0:
            trainer.report()
        if trainer.at % 500 == 0 or trainer.done():
            trainer.save()
    if rank == 0:
        finish(trainer, vae, folder)


@torch.no_grad()
def finish(trainer: Trainer, vae: AutoencoderKL, folder: Path) -> None:
    """Measures on frames never seen, sets the scaling factor so that latents have unit spread, and writes the model."""
    trainer.use_average()
    vae.eval()
    pictures, _ = frames(Random(987), 256, SIZE)
    latents = torch.cat([vae.encode(part).latent_dist.mode() for part in pictures.split(32)])
    decoded = torch.cat([vae.decode(part).sample.clamp(-1, 1) for part in latents.split(32)])
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    each = [psnr(a, b) for a, b in zip(decoded, pictures)]
    trainer.say(f"held-out frames: {psnr(decoded, pictures):.2f} dB, mean of frames {sum(each) / len(each):.2f}, worst {min(each):.2f}")
    trainer.say(f"latents: spread by channel {[round(s, 2) for s in latents.std((0, 2, 3)).tolist()]}")
    vae.save_pretrained(folder / "model")
