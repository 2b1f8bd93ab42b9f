"""Writes and reads the folder of a case: params.json, reference.safetensors, input.png, model/."""

import json
import platform
import re
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file

from .checkpoint import SEED_OFFSETS
from .config import ConfigError, Request, read_json
from .deviation import rms
from .run import GENERATOR_SEED_OFFSET, VAE_SEED_OFFSET
from .unet_stages import WHOLE

PACKAGES = ("torch", "diffusers", "transformers", "tokenizers", "pillow", "numpy")
LAYOUTS = (
    "latents/noise (B,C,F,H,W); frames_f32 (F,3,H,W) raw decoder output; frames_u8 (F,H,W,3); batch row 0 = negative, "
    "row 1 = prompt when guidance > 1; unet0.* are step-0 module outputs as the modules see them (batch-major "
    "folding); the float16 ones hold the prompt row only"
)


def stored(stages: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The stages in the types of reference.safetensors: the large unet0.* in float16, sorted by name."""
    half = {name for name in stages if name.startswith("unet0.") and name not in WHOLE}
    return {name: (stages[name].half() if name in half else stages[name]).contiguous() for name in sorted(stages)}


def write_stages(stages: dict[str, torch.Tensor], folder: Path) -> dict[str, torch.Tensor]:
    """Writes reference.safetensors and returns what was written."""
    tensors = stored(stages)
    save_file(tensors, folder / "reference.safetensors")
    return tensors


def write_params(folder: Path, request: Request, variant: str | None, model: dict, stages: dict, report: dict) -> None:
    """Writes params.json. `model` holds `config`, `scheduler` and `parameters`; `report` the other precisions."""
    params = asdict(request)
    clip_skip = params.pop("clip_skip")
    tensors = stored(stages)
    data = {
        "params": {**params, "variants": [variant] if variant else [], "image": None},
        "config": model["config"],
        "scheduler": model["scheduler"],
        "clip_skip": clip_skip,
        "seeds": {
            **{part: request.seed + offset for part, offset in SEED_OFFSETS.items()},
            "vae_sample_global_rng": request.seed + VAE_SEED_OFFSET,
            "generator": request.seed + GENERATOR_SEED_OFFSET,
        },
        "versions": {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        "parameters": model["parameters"],
        "rms": {name: rms(tensor) for name, tensor in stages.items() if tensor.is_floating_point()},
        "deviation_of_other_precisions_from_this_fp32_run": report,
        "tensors": {name: [dtype_name(tensor), list(tensor.shape)] for name, tensor in tensors.items()},
        "layouts": LAYOUTS,
    }
    (folder / "params.json").write_text(rows_of_numbers(json.dumps(data, indent=1)) + "\n", encoding="utf-8")


def rows_of_numbers(text: str) -> str:
    """Puts every list that holds no list or object on one line."""
    return re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)


def dtype_name(tensor: torch.Tensor) -> str:
    """`float32`, `int64`, ..."""
    return str(tensor.dtype).removeprefix("torch.")


def read_request(case: Path) -> tuple[Request, str | None]:
    """The request of an existing case and the variant of its weight files."""
    data = read_json(case / "params.json")
    try:
        params = dict(data["params"])
        variants = params.pop("variants")
        params.pop("image", None)
        request = Request(**{**params, "clip_skip": data["clip_skip"], "image_size": tuple(params["image_size"])})
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{case / 'params.json'} is not the description of a case: {error}") from error
    return request, variants[0] if variants else None
