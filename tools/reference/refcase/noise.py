"""Draws the noise of a run once, and plays the same noise back to runs in other precisions."""

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from diffusers.models.autoencoders import vae
from diffusers.pipelines.i2vgen_xl import pipeline_i2vgen_xl
from diffusers.schedulers import scheduling_ddim
from diffusers.utils.torch_utils import randn_tensor


class NoiseTape:
    """The normals of one run in the order in which the pipeline asks for them.

    That order is the VAE's posterior (1, 4, H, W) from the global generator, the initial latents (1, 4, F, H, W) from
    the pipeline's generator, and, when eta > 0, each step's (F, 4, H, W) from that generator.
    """

    def __init__(self):
        self.draws: list[torch.Tensor] = []  # float32
        self.position = 0

    def next(self, shape, generator=None, device=None, dtype=None, **_):
        """Stands in for randn_tensor: the recorded draw if there is one, otherwise a new one, as `dtype`."""
        if self.position == len(self.draws):
            self.draws.append(randn_tensor(shape, generator=generator, device=device, dtype=torch.float32))
        draw = self.draws[self.position]
        if draw.shape != torch.Size(shape):
            raise RuntimeError(f"noise {self.position} was recorded as {tuple(draw.shape)}, now asked as {shape}")
        self.position += 1
        return draw.to(dtype)

    @contextmanager
    def played(self):
        """Makes the pipeline, the VAE and the scheduler take their normals from this tape, from its start."""
        self.position = 0
        with ExitStack() as stack:
            for module in (vae, pipeline_i2vgen_xl, scheduling_ddim):
                stack.enter_context(patch.object(module, "randn_tensor", self.next))
            yield

    def tensors(self) -> dict[str, torch.Tensor]:
        """The draws by name; the noise of the steps is turned from (F, 4, H, W) to latent order (1, 4, F, H, W)."""
        named = {"noise.vae": self.draws[0], "noise.init": self.draws[1]}
        for step, draw in enumerate(self.draws[2:]):
            named[f"noise.step.{step:03}"] = latent_order(draw)
        return named


def latent_order(folded: torch.Tensor) -> torch.Tensor:
    """(F, C, H, W) of one clip to (1, C, F, H, W)."""
    return folded.permute(1, 0, 2, 3)[None].contiguous()
