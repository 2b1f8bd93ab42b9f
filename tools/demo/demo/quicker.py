"""The same UNet, computed with fewer and larger operations: for training on CPUs. Weights and results stay what they are."""

import torch
from diffusers.models.resnet import TemporalConvLayer
from torch import nn
from torch.nn.functional import conv2d, scaled_dot_product_attention

# Below so many keys, plain matrix products are quicker than the fused attention on a CPU.
SHORT = 32


class Attention:
    """An attention processor. Keys and values of the context are projected once per clip, not once per frame."""

    def __init__(self, frames):
        self.frames = frames

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        rows, tokens, _width = hidden_states.shape
        heads = attn.heads
        query = attn.to_q(hidden_states)
        context = hidden_states
        if encoder_hidden_states is not None and encoder_hidden_states.shape[0] == rows:
            # The UNet repeats the context for each frame of a clip; the frames of a clip are neighbours.
            context = encoder_hidden_states[:: self.frames()]
        clips = context.shape[0]
        split = lambda x: x.reshape(clips, -1, heads, x.shape[-1] // heads).transpose(1, 2)
        query, key, value = split(query), split(attn.to_k(context)), split(attn.to_v(context))
        if key.shape[2] <= SHORT and not query.is_cuda:
            scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
            mixed = scores.softmax(-1) @ value
        else:
            mixed = scaled_dot_product_attention(query, key, value)
        mixed = mixed.transpose(1, 2).reshape(rows, tokens, -1)
        return attn.to_out[0](mixed)


class TemporalConvolution(nn.Module):
    """A (3, 1, 1) convolution over frames as a (3, 1) convolution over (frames, pixels)."""

    def __init__(self, conv: nn.Conv3d):
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x):
        batch, channels, frames, height, width = x.shape
        flat = conv2d(x.reshape(batch, channels, frames, height * width), self.weight[..., 0], self.bias, padding=(1, 0))
        return flat.view(batch, -1, frames, height, width)


def quicken(unet: nn.Module, frames) -> None:
    """Replaces parts of the UNet in place; `frames()` tells how many frames the clips of the current call have."""
    unet.set_attn_processor(Attention(frames))
    for module in unet.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, TemporalConvLayer):
            for chain in (module.conv1, module.conv2, module.conv3, module.conv4):
                for name, layer in chain.named_children():
                    if isinstance(layer, nn.Conv3d):
                        setattr(chain, name, TemporalConvolution(layer))
