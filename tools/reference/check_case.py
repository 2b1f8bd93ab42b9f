"""Runs an existing case again and compares every stage with its reference.safetensors."""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from refcase.case import read_request, stored
from refcase.config import ConfigError
from refcase.deviation import difference
from refcase.noise import NoiseTape
from refcase.run import load_pipeline, record_run, silence_libraries

# Worst difference over the reference's rms that float32 rounding on another processor explains. Guidance multiplies the
# rounding of the UNet's two rows and every step feeds on the one before: between two processors 2.8e-4 was seen in the
# fourth guided prediction, where float64 is 2e-4 away from either.
BEFORE_LOOP, LOOP, STORED_HALF = 2e-5, 5e-4, 3e-3
LOOP_STAGES = ("step.", "final_latents", "frames_", "unet0.")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", type=Path, help="folder with params.json, reference.safetensors and input.png")
    parser.add_argument("--model", type=Path, help="checkpoint folder; CASE/model if not given")
    return parser.parse_args()


def group_of(name: str) -> str:
    """`step.003.latents` and `step.000.latents` are one group; so are all of `image.`, `unet0.` and so on."""
    parts = name.split(".")
    return f"step.*.{parts[2]}" if parts[0] == "step" else f"{parts[0]}.*" if len(parts) > 1 else name


def tolerance(name: str, dtype: torch.dtype) -> float:
    """The allowed worst difference of a floating-point stage, relative to the rms of the reference."""
    if dtype == torch.float16:
        return STORED_HALF
    return LOOP if name.startswith(LOOP_STAGES) else BEFORE_LOOP


def compare(found: dict, reference: dict) -> bool:
    """Prints the worst stage of each group; true if names, shapes, types and values agree."""
    agrees = set(found) == set(reference)
    for name in sorted(set(found) ^ set(reference)):
        print(f"{name}: only in the {'new run' if name in found else 'reference'}")
    groups = defaultdict(list)
    for name in sorted(set(found) & set(reference)):
        new, old = found[name], reference[name]
        if new.shape != old.shape or new.dtype != old.dtype:
            print(f"{name}: {tuple(new.shape)} {new.dtype}, reference {tuple(old.shape)} {old.dtype}")
            agrees = False
            continue
        numbers = difference(new, old)
        scale = numbers["ref_rms"] or 1.0
        worst = numbers["max_abs"] / scale
        if old.is_floating_point():
            agrees &= worst <= tolerance(name, old.dtype)
        else:
            agrees &= numbers["max_abs"] <= (1 if name == "frames_u8" else 0)
        groups[group_of(name)].append((worst, numbers["max_abs"], numbers["rms"] / scale, name))
    print(f"{'group':28}{'max/rms':>10}{'max':>10}{'rms/rms':>10}  worst of the group")
    for group, rows in groups.items():
        worst, largest, relative, name = max(rows)
        print(f"{group:28}{worst:10.2e}{largest:10.2e}{relative:10.2e}  {name} ({len(rows)})")
    return agrees


def main() -> int:
    arguments = parse_arguments()
    silence_libraries()
    try:
        request, variant = read_request(arguments.case)
        reference = load_file(arguments.case / "reference.safetensors")
        pipeline = load_pipeline(arguments.model or arguments.case / "model", variant, torch.float32)
        with Image.open(arguments.case / "input.png") as picture:
            stages = record_run(pipeline, request, picture.convert("RGB"), NoiseTape())
    except (ConfigError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    agrees = compare(stored(stages), reference)
    print("ok: reproduced to rounding" if agrees else "FAIL: the run differs from the reference")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
