"""Records the outputs of the UNet's modules during one call."""

from contextlib import contextmanager

import torch
from diffusers import I2VGenXLUNet

# Kept whole and in float32; the other stages are large and kept as the prompt row only, in float16.
WHOLE_STAGES = {
    "time_embedding": "time_embedding",
    "fps_embedding": "fps_embedding",
    "context_image_latents": "image_latents_context_embedding",
    "context_clip": "context_embedding",
}
FOLDED_STAGES = ["image_latents_proj_in", "image_latents_temporal_encoder", "conv_in", "transformer_in"]
FIRST_LAYER = ["resnets.0", "temp_convs.0", "attentions.0", "temp_attentions.0"]
CONTEXT = "unet0.encoder_hidden_states"
WHOLE = {f"unet0.{stage}" for stage in WHOLE_STAGES} | {CONTEXT}


def stage_modules(unet: I2VGenXLUNet) -> dict[str, str]:
    """Recorded name (without `unet0.`) to module path, in order of execution."""
    paths = {**WHOLE_STAGES, **{name: name for name in FOLDED_STAGES}}
    present = dict(unet.named_modules())
    for layer in (f"down_blocks.0.{part}" for part in FIRST_LAYER):
        if layer in present:  # a plain DownBlock3D has no transformers
            paths[layer] = layer
    for blocks in ("down_blocks", "mid_block", "up_blocks"):
        children = [blocks] if blocks == "mid_block" else [f"{blocks}.{i}" for i in range(len(getattr(unet, blocks)))]
        paths.update({path: path for path in children})
    return {**paths, "conv_norm_out": "conv_norm_out"}


@contextmanager
def recorded_stages(unet: I2VGenXLUNet, record):
    """Calls `record(name, tensor)` for each stage of every UNet call made inside the block.

    Tensors keep the shape in which the module returns them, frames folded into the batch: (B, ...) for the whole
    stages, (F, C, H, W) or (H·W, F, C) of the prompt row for the others. The context is (B, tokens, X), without the
    repetition for every frame.
    """
    batch_and_frames = [1, 1]

    def before_call(_module, args, kwargs):
        sample = args[0] if args else kwargs["sample"]
        batch_and_frames[:] = sample.shape[0], sample.shape[2]

    def after_stage(name):
        def hook(_module, _args, output):
            tensor = output[0] if isinstance(output, tuple) else output
            key = f"unet0.{name}"
            record(key, tensor if key in WHOLE else prompt_row(tensor, batch_and_frames[0]))

        return hook

    def before_middle(_module, _args, kwargs):
        record(CONTEXT, kwargs["encoder_hidden_states"][:: batch_and_frames[1]])

    handles = [unet.register_forward_pre_hook(before_call, with_kwargs=True)]
    handles += [
        unet.get_submodule(path).register_forward_hook(after_stage(name)) for name, path in stage_modules(unet).items()
    ]
    handles.append(unet.mid_block.register_forward_pre_hook(before_middle, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def prompt_row(folded: torch.Tensor, batch: int) -> torch.Tensor:
    """The last of `batch` equal parts along the first axis."""
    return folded[folded.shape[0] // batch * (batch - 1) :]
