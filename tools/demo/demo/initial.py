"""Better starts than the default initialisation: small residual branches, and resampling that begins as a plain filter."""

import torch
from torch import nn


@torch.no_grad()
def calm(model: nn.Module, residual: float) -> None:
    """Scales what every residual branch adds, and lets shortcuts, up- and downsampling begin as themselves."""
    for module in model.modules():
        match type(module).__name__:
            case "ResnetBlock2D":
                _damp(module.conv2, residual)
                if module.conv_shortcut is not None:
                    nn.init.orthogonal_(module.conv_shortcut.weight.view(module.conv_shortcut.weight.shape[0], -1))
                    module.conv_shortcut.bias.zero_()
            case "Attention":
                # Those with a residual connection of their own are the VAE's; the others sit in transformer blocks.
                _damp(module.to_out[0], residual if module.residual_connection else 0.3)
            case "BasicTransformerBlock":
                _damp(module.ff.net[2], 0.3)
            case "Transformer2DModel" | "TransformerTemporalModel":
                _damp(module.proj_out, residual)
            case "Upsample2D":
                _filter(module.conv, torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16)
            case "Downsample2D":
                # Padding 0 pads right and bottom (VAE), 1 all round (UNet): the two by two pixels sit elsewhere.
                box = torch.zeros(3, 3)
                at = 0 if module.padding == 0 else 1
                box[at : at + 2, at : at + 2] = 0.25
                _filter(module.conv, box)


def _damp(layer: nn.Module, factor: float) -> None:
    layer.weight.mul_(factor)
    if layer.bias is not None:
        layer.bias.zero_()


def _filter(conv: nn.Conv2d, kernel: torch.Tensor) -> None:
    conv.weight.mul_(0.3)
    channel = torch.arange(conv.weight.shape[0])
    conv.weight[channel, channel] += kernel.to(conv.weight)
    conv.bias.zero_()


@torch.no_grad()
def image_path(unet: nn.Module) -> None:
    """`image_latents_proj_in` as an exact identity, since silu(x) - silu(-x) = x. Its default start hardly depends on the picture."""
    first, second, third = (unet.image_latents_proj_in[at] for at in (0, 2, 4))
    for conv in (first, second, third):
        _damp(conv, 0.3)
    for channel in range(4):
        plus, minus = 2 * channel, 2 * channel + 1
        for conv in (first, second):
            conv.weight[plus], conv.weight[minus] = 0, 0
        first.weight[plus, channel, 1, 1], first.weight[minus, channel, 1, 1] = 1, -1
        second.weight[plus, plus, 1, 1], second.weight[plus, minus, 1, 1] = 1, -1
        second.weight[minus, plus, 1, 1], second.weight[minus, minus, 1, 1] = -1, 1
        third.weight[channel] *= 0.1
        third.weight[channel, plus, :, :], third.weight[channel, minus, :, :] = 0, 0
        third.weight[channel, plus, 1, 1], third.weight[channel, minus, 1, 1] = 1, -1


@torch.no_grad()
def text_path(unet: nn.Module, gain: float) -> None:
    """Undamped attention to the context: damped, the prompt is ignored for thousands of steps."""
    for module in unet.modules():
        if type(module).__name__ == "Transformer2DModel":
            attention = module.transformer_blocks[0].attn2
            for layer in (attention.to_q, attention.to_k, attention.to_v, attention.to_out[0]):
                layer.reset_parameters()
            _damp(attention.to_out[0], gain)
