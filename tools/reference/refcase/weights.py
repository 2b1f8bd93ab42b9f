"""Random weights that keep every activation near 1 and leave no layer without effect."""

import math
import re

import torch
from torch import nn

# Gain of a matrix over 1/sqrt(fan-in), by the end of its name; the first match counts, otherwise it is 1. The last
# layer of a residual branch is damped so that depth does not grow the sum. With stronger branches, or sharper
# attention, networks this narrow amplify float32 rounding so much that a comparison says nothing. Temporal convolutions
# must not end in zeros, as fresh ones do: that would hide half of the UNet.
GAINS = [
    (re.compile(r"(to_out\.0|ff\.net\.2|proj_out|conv4\.3|resnets\.\d+\.conv2)\.weight$"), 0.4),
    (re.compile(r"^quant_conv\.weight$"), 2.3),
    (re.compile(r"^(post_quant_conv|conv_out|decoder\.conv_out)\.weight$"), 0.8),
]
NORM_SPREAD = 0.15
BIAS_SPREAD = 0.1
EMBEDDING_SPREAD = 0.7
SMALLEST = 2.0**-14  # the smallest normal float16: below it bfloat16 values may have no float16 equal


def randomise(module: nn.Module, seed: int, storage: torch.dtype) -> None:
    """Gives every parameter of `module` a seeded random value that float16 and `storage` both hold exactly."""
    module.load_state_dict(random_state(module, seed, storage), strict=False)


def random_state(module: nn.Module, seed: int, storage: torch.dtype) -> dict[str, torch.Tensor]:
    """Random values in the `storage` type for every parameter; `module` may be on the meta device.

    Drawn in the order of the names, so that the order of definition does not matter.
    """
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: parameter.shape for name, parameter in module.named_parameters()}
    return {
        name: draw(name, shapes[name], owner_of(module, name), generator, storage).to(storage)
        for name in sorted(shapes)
    }


def draw(name: str, shape: torch.Size, owner: nn.Module, generator: torch.Generator, storage: torch.dtype):
    """One parameter's values, float32 of `shape`, by its kind: norm, embedding, matrix or bias."""
    values = torch.randn(shape, generator=generator)
    if isinstance(owner, (nn.GroupNorm, nn.LayerNorm)):
        values = values * NORM_SPREAD + (1.0 if name.endswith("weight") else 0.0)
    elif isinstance(owner, nn.Embedding) or name.endswith("class_embedding"):
        values = values * EMBEDDING_SPREAD
    elif len(shape) >= 2:
        values = values * (gain(name) / math.sqrt(math.prod(shape[1:])))
    else:
        values = values * BIAS_SPREAD
    return representable(values, storage)


def gain(name: str) -> float:
    """The gain of the matrix `name` over 1/sqrt(fan-in)."""
    return next((value for pattern, value in GAINS if pattern.search(name)), 1.0)


def representable(values: torch.Tensor, storage: torch.dtype) -> torch.Tensor:
    """Rounds float32 values to float16, and to bfloat16 where that is the storage type; still float32."""
    values = values.to(torch.float16).float()
    if storage == torch.bfloat16:
        values = values.to(torch.bfloat16).float()
        values = torch.where(values.abs() < SMALLEST, 0.0, values)
    return values


def owner_of(module: nn.Module, name: str) -> nn.Module:
    """The submodule that holds the parameter `name`."""
    return module.get_submodule(name.rpartition(".")[0])
