"""Records every stage of a pipeline run by watching the calls between its parts."""

from contextlib import ExitStack, contextmanager
from functools import wraps
from unittest.mock import patch

import numpy as np
import torch
from diffusers import I2VGenXLPipeline
from diffusers.pipelines.i2vgen_xl import pipeline_i2vgen_xl

from .noise import latent_order
from .unet_stages import recorded_stages


class StageRecorder:
    """Collects tensors by name. `watch` is the context in which the pipeline is run once."""

    def __init__(self, pipeline: I2VGenXLPipeline):
        self.pipeline = pipeline
        self.tensors: dict[str, torch.Tensor] = {}
        self.step = 0

    def keep(self, name: str, tensor: torch.Tensor) -> None:
        """Stores a copy, unless the name is taken: what belongs to the first call must not be overwritten."""
        if name not in self.tensors:
            self.tensors[name] = tensor.detach().clone().contiguous()

    @contextmanager
    def watch(self):
        """Hooks every part of the pipeline for as long as the block runs."""
        pipe = self.pipeline
        with ExitStack() as stack:
            for target, name, after in (
                (pipeline_i2vgen_xl, "_center_crop_wide", self.after_crop),
                (pipeline_i2vgen_xl, "_resize_bilinear", self.after_resize),
                (pipe, "encode_prompt", self.after_prompt),
                (pipe.vae, "encode", self.after_encode),
                (pipe.scheduler, "step", self.after_step),
            ):
                stack.enter_context(patch.object(target, name, watched(getattr(target, name), after)))
            stack.enter_context(recorded_stages(pipe.unet, self.keep))
            for handle in (
                pipe.text_encoder.register_forward_hook(self.after_text, with_kwargs=True),
                pipe.image_encoder.register_forward_hook(self.after_image),
                pipe.unet.register_forward_hook(self.after_unet, with_kwargs=True),
            ):
                stack.callback(handle.remove)
            yield

    def after_crop(self, result, _image, resolution):
        first = "image.clip_crop_u8" not in self.tensors
        self.keep("image.clip_crop_u8" if first else "image.vae_crop_u8", pixels(result))

    def after_resize(self, result, _image, _resolution):
        self.keep("image.clip_resized_u8", pixels(result))

    def after_text(self, _module, args, kwargs, _output):
        ids = args[0] if args else kwargs["input_ids"]
        first = "text.prompt_ids" not in self.tensors
        self.keep("text.prompt_ids" if first else "text.negative_ids", ids)

    def after_prompt(self, result, *_args, **_kwargs):
        self.keep("text.prompt_embeds", result[0])
        if self.pipeline.do_classifier_free_guidance:
            self.keep("text.negative_embeds", result[1])

    def after_image(self, _module, args, output):
        self.keep("image.clip_pixel_values", args[0])
        self.keep("image.clip_embeds", output.image_embeds)

    def after_encode(self, result, image, *_args, **_kwargs):
        self.keep("image.vae_pixels", image)
        self.keep("vae.mean", result.latent_dist.mean)
        self.keep("vae.logvar", result.latent_dist.logvar)

    def after_unet(self, _module, args, kwargs, output):
        self.keep("init_latents", args[0][:1])
        for name in ("encoder_hidden_states", "image_latents", "image_embeddings", "fps"):
            self.keep(f"unet_in.{name}", kwargs[name])
        prediction = output[0]  # (B, 4, F, H, W)
        if self.pipeline.do_classifier_free_guidance:
            self.keep(f"step.{self.step:03}.noise_pred_uncond", prediction[:1])
        self.keep(f"step.{self.step:03}.noise_pred_cond", prediction[-1:])

    def after_step(self, result, prediction, *_args, **_kwargs):
        prefix = f"step.{self.step:03}"
        self.keep(f"{prefix}.noise_pred", latent_order(prediction))
        self.keep(f"{prefix}.pred_x0", latent_order(result.pred_original_sample))
        self.keep(f"{prefix}.latents", latent_order(result.prev_sample))
        self.step += 1

    def finish(self, frames) -> None:
        """Adds what is known after the run; `frames` is the list of PIL images that the pipeline returned."""
        scheduler = self.pipeline.scheduler
        self.keep("timesteps", scheduler.timesteps)
        self.keep("alphas_cumprod", scheduler.alphas_cumprod)
        self.keep("final_latents", self.tensors[f"step.{self.step - 1:03}.latents"])
        self.keep("frames_u8", torch.stack([pixels(frame) for frame in frames]))


def watched(function, after):
    """`function` with `after(result, *arguments)` called once it has returned.

    The signature stays visible: the pipeline asks the scheduler's step whether it knows `eta` and `generator`.
    """

    @wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        after(result, *args, **kwargs)
        return result

    return wrapper


def pixels(image) -> torch.Tensor:
    """A PIL image as (h, w, 3) uint8."""
    return torch.from_numpy(np.array(image))
