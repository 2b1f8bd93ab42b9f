"""What the pipeline gives the UNet beside the noisy latents, computed the same way."""

import torch

# CLIP's mean and spread of the colours.
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
SPREAD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def text(encoder, ids: torch.Tensor) -> torch.Tensor:
    """The pipeline's default `clip_skip` of 1: the last layer but one, then the final norm. `[prompt, token, width]`."""
    hidden = encoder(ids, output_hidden_states=True).hidden_states[-2]
    return encoder.text_model.final_layer_norm(hidden)


def image(encoder, pictures: torch.Tensor) -> torch.Tensor:
    """The embedding of pictures in 0..1, `[picture, 1, width]`."""
    normal = (pictures - MEAN.to(pictures)) / SPREAD.to(pictures)
    return encoder(normal).image_embeds[:, None]


def image_latents(first: torch.Tensor, frames: int) -> torch.Tensor:
    """The first frame's scaled latents, then the position masks i / (frames - 1): `[clip, 4, frame, h, w]` from `[clip, 4, h, w]`."""
    clips, channels, height, width = first.shape
    masks = torch.arange(1, frames, dtype=first.dtype, device=first.device) / (frames - 1)
    masks = masks[None, None, :, None, None].expand(clips, channels, frames - 1, height, width)
    return torch.cat([first[:, :, None], masks], 2)
