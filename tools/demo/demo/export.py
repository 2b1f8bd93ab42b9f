"""Writes the checkpoint that the repository carries: diffusers' layout, float16, with the runtime's own defaults beside it."""

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, I2VGenXLPipeline

from . import networks, unet
from .tokenizer import build
from .vae import SIZE

# What suits this checkpoint; chosen from the evaluation's table in the model card.
DEFAULTS = dict(
    width=SIZE,
    height=SIZE,
    frames=8,
    steps=10,
    cfg_scale=2.0,
    cfg_range=[1.0, 4.0],
    eta=0.0,
    anchor_interval=0,
    prepare="off",
    fps=8,
    target_fps=8,
)
# The repository carries the checkpoint, so it has a limit, in bytes.
LIMIT = 24_000_000


def export(run: Path, vae_folder: Path, target: Path) -> None:
    """The averaged weights of a training (finished or not) as a checkpoint; `target` is replaced, its README.md and LICENSE are kept."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tokenizer = build(run / "tokenizer")
    models = unet.modules(tokenizer)
    state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
    models.load_state_dict({**state["modules"], **state["averaged"]})
    pipeline = I2VGenXLPipeline(
        vae=AutoencoderKL.from_pretrained(vae_folder),
        text_encoder=models["text_encoder"],
        tokenizer=tokenizer,
        image_encoder=models["image_encoder"],
        feature_extractor=networks.feature_extractor(),
        unet=models["unet"],
        scheduler=networks.scheduler(),
    )
    pipeline.to(torch.float16).save_pretrained(partial)
    (partial / "i2vgen.json").write_text(json.dumps(DEFAULTS, indent=2) + "\n")
    for config in partial.glob("*/config.json"):
        _forget_paths(config)
    for kept in ("README.md", "LICENSE"):
        if (target / kept).exists():
            shutil.copy(target / kept, partial / kept)
    size = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
    if size > LIMIT:
        raise SystemExit(f"{partial}: {size} bytes; the limit is {LIMIT}")
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    print(f"{target}: {size / 1e6:.2f} MB after step {state['at']}")


def _forget_paths(config: Path) -> None:
    """diffusers notes where a model was loaded from, which nobody else has."""
    fields = json.loads(config.read_text())
    fields.pop("_name_or_path", None)
    config.write_text(json.dumps(fields, indent=2) + "\n")
