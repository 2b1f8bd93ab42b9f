"""Runs the reference pipeline of a checkpoint folder once and returns every stage."""

from contextlib import contextmanager
from pathlib import Path

import torch
import transformers
from diffusers import I2VGenXLPipeline
from diffusers.utils import logging
from PIL import Image

from .config import Request
from .noise import NoiseTape
from .stages import StageRecorder

VAE_SEED_OFFSET = 1000  # the posterior's noise comes from the global generator
GENERATOR_SEED_OFFSET = 2000  # the latents and the noise of the steps come from the pipeline's generator


def silence_libraries() -> None:
    """Keeps progress bars and notices of the libraries off the terminal; errors stay."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()


def load_pipeline(model: Path, variant: str | None, dtype: torch.dtype) -> I2VGenXLPipeline:
    """Loads a checkpoint folder for arithmetic in `dtype` on the CPU."""
    pipeline = I2VGenXLPipeline.from_pretrained(
        model, variant=variant, torch_dtype=dtype, local_files_only=True, low_cpu_mem_usage=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@contextmanager
def default_dtype(dtype: torch.dtype):
    """Lets torch create tensors in float64 for float64 models: the text encoder's mask overflows float32 otherwise."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if dtype == torch.float64 else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def record_run(pipeline: I2VGenXLPipeline, request: Request, image: Image.Image, tape: NoiseTape):
    """Runs one generation and returns its stages by name, in order of execution.

    An empty `tape` is filled with the seeded noise; a filled one is played back.
    """
    recorder = StageRecorder(pipeline)
    torch.manual_seed(request.seed + VAE_SEED_OFFSET)
    generator = torch.Generator().manual_seed(request.seed + GENERATOR_SEED_OFFSET)
    decoded = []
    decode_hook = pipeline.vae.decoder.register_forward_hook(lambda _m, _a, frame: decoded.append(frame.float()))
    try:
        with default_dtype(pipeline.dtype), tape.played(), recorder.watch():
            frames = pipeline(
                prompt=request.prompt,
                negative_prompt=request.negative,
                image=image,
                width=request.width,
                height=request.height,
                num_frames=request.frames,
                num_inference_steps=request.steps,
                target_fps=request.fps,
                guidance_scale=request.guidance,
                eta=request.eta,
                clip_skip=request.clip_skip,
                generator=generator,
            ).frames[0]
    finally:
        decode_hook.remove()
    recorder.finish(frames)
    stages = recorder.tensors
    stages["frames_f32"] = torch.cat(decoded)
    stages.update(tape.tensors())
    stages["vae.sample"] = stages["vae.mean"] + torch.exp(0.5 * stages["vae.logvar"]) * stages["noise.vae"]
    return stages
