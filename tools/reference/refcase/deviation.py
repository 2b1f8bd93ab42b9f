"""How far runs in other precisions land from the float32 run with the same noise."""

import math
import re

import torch

COMPARED = [
    "text.prompt_embeds",
    "image.clip_embeds",
    "vae.mean",
    "final_latents",
    "frames_f32",
    "frames_u8",
]


def rms(tensor: torch.Tensor) -> float:
    """Root of the mean square, accumulated in float64."""
    return tensor.double().square().mean().sqrt().item()


def difference(found: torch.Tensor, reference: torch.Tensor) -> dict[str, float]:
    """Largest and rms difference, and the rms of the reference that they are to be measured by."""
    delta = found.double() - reference.double()
    return {"max_abs": delta.abs().max().item(), "rms": rms(delta), "ref_rms": rms(reference)}


def deviation(found: dict, reference: dict) -> dict:
    """The differences of the compared stages; the frames' PSNR in dB is null where no 8-bit value differs."""
    # Late steps tell almost vanished noise: a trained network divides rounding by it, also in float32.
    steps = [name for name in reference if re.fullmatch(r"step\.\d+\.noise_pred(_cond|_uncond)?", name)]
    report = {name: difference(found[name], reference[name]) for name in COMPARED + sorted(steps)}
    error = report["frames_u8"]["rms"]
    report["frames_psnr_db"] = 20 * math.log10(255 / error) if error else None
    ids = [name for name in ("text.prompt_ids", "text.negative_ids") if name in reference]
    report["bitwise_equal_ids"] = all(torch.equal(found[name], reference[name]) for name in ids)
    return report
