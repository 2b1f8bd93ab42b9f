"""Writes a random UNet of the published configuration and records one call of it, to compare true layer sizes.

Needs 3 GB of disk and 8 GB of memory. The arithmetic is float32 on weights that float16 holds exactly.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from diffusers import DDIMScheduler, I2VGenXLUNet
from safetensors.torch import save_file

from refcase.deviation import rms
from refcase.run import silence_libraries
from refcase.unet_stages import CONTEXT, recorded_stages
from refcase.weights import random_state

CONFIG = {"sample_size": 32}  # every other size is the class's default, which is the published one
PARAMETERS = 1_420_469_224
BATCH, FRAMES, SIDE = 2, 4, 8
TEXT_TOKENS, WIDTH = 77, 1024
STAGES = {
    f"unet0.{name}"
    for name in (
        "time_embedding", "fps_embedding", "context_image_latents", "context_clip", "conv_in", "transformer_in",
        "down_blocks.0", "down_blocks.1", "down_blocks.2", "down_blocks.3", "mid_block", "up_blocks.0", "up_blocks.1",
        "up_blocks.2", "up_blocks.3",
    )
} | {CONTEXT}  # fmt: skip


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write; must not exist yet")
    parser.add_argument("--seed", type=int, default=42, help="seed of the weights; inputs use the next (default 42)")
    return parser.parse_args()


def write_checkpoint(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    """Writes the folder with the UNet's float16 file, and returns its tensors."""
    with torch.device("meta"):
        unet = I2VGenXLUNet(**CONFIG)
    count = sum(parameter.numel() for parameter in unet.parameters())
    if count != PARAMETERS:
        raise RuntimeError(f"the UNet has {count} parameters, expected {PARAMETERS}: another version of diffusers?")
    tensors = random_state(unet, seed, torch.float16)
    (folder / "unet").mkdir()
    save_file(tensors, folder / "unet" / "diffusion_pytorch_model.fp16.safetensors", metadata={"format": "pt"})
    unet.save_config(folder / "unet")
    published_scheduler().save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "I2VGenXLPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "unet": ["diffusers", "I2VGenXLUNet"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return tensors


def published_scheduler() -> DDIMScheduler:
    """The scheduler of the published checkpoint."""
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        rescale_betas_zero_snr=True,
        set_alpha_to_one=True,
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="leading",
        prediction_type="v_prediction",
    )


def load_unet(tensors: dict[str, torch.Tensor]) -> I2VGenXLUNet:
    """The UNet in float32; empties `tensors` on the way so that both copies never exist whole."""
    with torch.device("meta"):
        unet = I2VGenXLUNet(**CONFIG)
    for name in list(tensors):
        unet.load_state_dict({name: tensors.pop(name).float()}, strict=False, assign=True)
    return unet.eval()


def draw_inputs(seed: int) -> dict[str, torch.Tensor]:
    """Inputs like those of a guided generation: row 0 without image embedding, both rows with the same latents."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    sample = normal(1, 4, FRAMES, SIDE, SIDE)
    position = torch.arange(1, FRAMES) / (FRAMES - 1)
    mask = position.view(1, 1, -1, 1, 1).expand(1, 4, -1, SIDE, SIDE)
    image_latents = torch.cat([normal(1, 4, 1, SIDE, SIDE), mask], dim=2)  # (1, 4, F, H, W)
    embedding = normal(1, 1, WIDTH)
    return {
        "sample": sample.repeat(BATCH, 1, 1, 1, 1),
        "timestep": torch.tensor([501]),
        "fps": torch.tensor([16, 16]),
        "image_latents": image_latents.repeat(BATCH, 1, 1, 1, 1),
        "image_embeddings": torch.cat([torch.zeros_like(embedding), embedding]),
        "encoder_hidden_states": normal(BATCH, TEXT_TOKENS, WIDTH),
    }


def record_call(unet: I2VGenXLUNet, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Inputs, `output` (2, 4, F, H, W) and some block outputs, all float32; folded block outputs: the prompt row."""
    stages = {}

    def record(name, tensor):
        if name in STAGES:
            stages[name] = tensor.clone().contiguous()

    with torch.no_grad(), recorded_stages(unet, record):
        output = unet(**{**inputs, "timestep": inputs["timestep"][0]}, return_dict=False)[0]
    return {**inputs, **stages, "output": output.contiguous()}


def main() -> int:
    arguments = parse_arguments()
    silence_libraries()
    try:
        arguments.out.mkdir(parents=True)
        tensors = write_checkpoint(arguments.out, arguments.seed)
        call = record_call(load_unet(tensors), draw_inputs(arguments.seed + 1))
        save_file({name: call[name] for name in sorted(call)}, arguments.out / "unet_call.safetensors")
    except FileExistsError:
        print(f"error: {arguments.out} exists; name a folder that does not", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, tensor in call.items():
        print(f"{name:34}{list(tensor.shape)!s:24}rms {rms(tensor):.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
