"""Builds a tiny random pipeline from a description and writes it in the diffusers folder layout."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLPipeline, I2VGenXLUNet
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from .config import CaseConfig, ConfigError
from .vocabulary import build_tokenizer, save_tokenizer
from .weights import randomise

SEED_OFFSETS = {"unet": 0, "vae": 1, "text": 2, "vision": 3}
COMPONENTS = {"unet": "unet", "vae": "vae", "text": "text_encoder", "vision": "image_encoder"}


def build_pipeline(config: CaseConfig) -> I2VGenXLPipeline:
    """The whole pipeline in float32, every parameter random."""
    length = config.text.get("max_position_embeddings", 77)
    tokenizer = build_tokenizer(config.tokenizer["format"], config.tokenizer["pad_token"], length)
    try:
        models = build_models(config, tokenizer)
        scheduler = DDIMScheduler(**config.scheduler)
        side = config.vision["image_size"]
    except KeyError as error:
        raise ConfigError(f"the model configuration lacks {error}") from error
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"the model configuration is not usable: {error}") from error
    storage = getattr(torch, config.storage.dtype)
    for part, model in models.items():
        randomise(model, config.request.seed + SEED_OFFSETS[part], storage)
    return I2VGenXLPipeline(
        **{COMPONENTS[part]: model.eval() for part, model in models.items()},
        tokenizer=tokenizer,
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side}),
        scheduler=scheduler,
    )


def build_models(config: CaseConfig, tokenizer) -> dict[str, torch.nn.Module]:
    """The four networks with their own initialisation."""
    vocabulary = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return {
        "unet": I2VGenXLUNet(**unet_arguments(config.unet)),
        "vae": AutoencoderKL(**vae_arguments(config.vae)),
        "text": CLIPTextModel(CLIPTextConfig(**config.text, **vocabulary)),
        "vision": CLIPVisionModelWithProjection(CLIPVisionConfig(**config.vision)),
    }


def unet_arguments(unet: dict) -> dict:
    """The description with block types filled in: cross-attention in every level but the lowest."""
    upper = len(unet["block_out_channels"]) - 1
    return {
        "down_block_types": ("CrossAttnDownBlock3D",) * upper + ("DownBlock3D",),
        "up_block_types": ("UpBlock3D",) + ("CrossAttnUpBlock3D",) * upper,
        **unet,
    }


def vae_arguments(vae: dict) -> dict:
    """The description with one block of each direction for every entry of block_out_channels."""
    levels = len(vae["block_out_channels"])
    return {
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        **vae,
    }


def save_pipeline(pipeline: I2VGenXLPipeline, config: CaseConfig, folder: Path) -> None:
    """Writes the checkpoint; weights as `config.storage` says. The pipeline is left in the storage type."""
    storage = config.storage
    pipeline.to(getattr(torch, storage.dtype))
    options = {"variant": storage.variant}
    if storage.shard_bytes:
        options["max_shard_size"] = storage.shard_bytes
    for name in COMPONENTS.values():
        getattr(pipeline, name).save_pretrained(folder / name, **options)
    save_tokenizer(pipeline.tokenizer, folder / "tokenizer")
    pipeline.feature_extractor.save_pretrained(folder / "feature_extractor")
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    pipeline.save_config(folder)


def parameter_counts(pipeline: I2VGenXLPipeline) -> dict[str, int]:
    """Parameters of each network, by folder name."""
    return {name: sum(p.numel() for p in getattr(pipeline, name).parameters()) for name in COMPONENTS.values()}
