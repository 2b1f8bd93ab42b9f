"""A quick look at a checkpoint through diffusers, while it is still in training: true clips above generated ones."""

from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import I2VGenXLPipeline
from PIL import Image

from . import draw, track
from .language import MOTIONS
from .scene import Scene, sample

SIZE = 64


@torch.no_grad()
def generate(pipeline, scenes: list[Scene], prompts: list[str], frames: int, guidance: float, steps: int = 20) -> torch.Tensor:
    """`[scene, frame, 3, h, w]` in 0..1, all scenes in one batch."""
    first = draw.clips(scenes, 1, frames, SIZE, SIZE)[:, 0]
    pictures = [draw.picture(p) for p in first]
    torch.manual_seed(0)
    return pipeline(
        prompt=prompts,
        image=pictures,
        height=SIZE,
        width=SIZE,
        target_fps=frames,
        num_frames=frames,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(0),
        output_type="pt",
        decode_chunk_size=32,
    ).frames.float()


def look(checkpoint: Path, sheet: Path, guidance: float, frames: int, each: int = 2) -> None:
    pipeline = I2VGenXLPipeline.from_pretrained(checkpoint, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    rng = Random(31)
    scenes = [sample(rng, motion=motion, tense="continuous") for motion in MOTIONS for _ in range(each)]
    prompts = [scene.prompt(rng) for scene in scenes]
    made = generate(pipeline, scenes, prompts, frames, guidance)
    truth = draw.clips(scenes, frames, frames, SIZE, SIZE)
    for scene, prompt, clip in zip(scenes, prompts, made):
        paces = track.paces(clip, scene, frames)
        print(f"{prompt}: {track.motion(paces)}, " + ", ".join(f"{name} {pace:.2f}" for name, pace in paces.items() if pace > 0.1))
    rows = torch.stack([truth, made], 1).flatten(0, 1)
    picture = rows.permute(0, 3, 1, 4, 2).reshape(len(rows) * SIZE, frames * SIZE, 3)
    Image.fromarray((picture.numpy() * 255).round().clip(0, 255).astype(np.uint8)).save(sheet)
