"""A minute for the encoders alone: they learn to tell what a prompt says and what a picture shows, before the UNet listens."""

from random import Random

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from . import conditioning, draw
from .language import COLOURS, MOTIONS, SHAPES, SPEEDS, TENSES
from .scene import sample
from .tokenizer import ids
from .training import device

CLASSES = dict(motion=list(MOTIONS), speed=list(SPEEDS), colour=list(COLOURS), shape=list(SHAPES), tense=list(TENSES))


def _labels(scenes, name: str) -> torch.Tensor:
    return torch.tensor([CLASSES[name].index(getattr(scene, name)) for scene in scenes], device=device())


def _optimise(modules: list[nn.Module], steps: int, loss_of, say, what: str) -> None:
    parameters = [p for module in modules for p in module.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.99))
    for at in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1.0, (at + 1) / 30) * (1 - at / steps)
        loss, right = loss_of()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (at + 1) % 50 == 0:
            say(f"{what}, step {at + 1}: right " + ", ".join(f"{name} {share:.2f}" for name, share in right.items()))


def text(encoder, tokenizer, say, steps: int = 150, batch: int = 48) -> None:
    """From the end of a prompt on, every position tells motion, speed, colour, shape and tense by a linear reading."""
    heads = nn.ModuleDict({name: nn.Linear(encoder.config.hidden_size, len(values)) for name, values in CLASSES.items()}).to(device())
    rng = Random(11)

    def loss_of():
        scenes = [sample(rng) for _ in range(batch)]
        tokens = ids(tokenizer, [scene.prompt(rng) for scene in scenes]).to(device())
        hidden, after = conditioning.text(encoder, tokens), tokens.eq(tokenizer.eos_token_id)
        total, right = 0, {}
        for name, head in heads.items():
            guess, truth = head(hidden)[after], _labels(scenes, name)[:, None].expand(after.shape)[after]
            total = total + cross_entropy(guess, truth)
            right[name] = (guess.argmax(-1) == truth).float().mean().item()
        return total, right

    _optimise([encoder, heads], steps, loss_of, say, "text encoder")


def image(encoder, say, steps: int = 300, batch: int = 32) -> None:
    """The embedding tells colour, shape, place, size and angle."""
    width = encoder.config.projection_dim
    heads = nn.ModuleDict(dict(colour=nn.Linear(width, len(COLOURS)), shape=nn.Linear(width, len(SHAPES)), place=nn.Linear(width, 5)))
    heads.to(device())
    rng = Random(12)

    def loss_of():
        scenes = [sample(rng) for _ in range(batch)]
        hidden = conditioning.image(encoder, draw.clips(scenes, 1, 8)[:, 0].to(device()))[:, 0]
        total, right = 0, {}
        for name in ("colour", "shape"):
            guess, truth = heads[name](hidden), _labels(scenes, name)
            total = total + cross_entropy(guess, truth)
            right[name] = (guess.argmax(-1) == truth).float().mean().item()
        # A square and a cross look the same after a quarter turn, a triangle after a third.
        turn = torch.tensor([scene.angle * (3 if scene.shape == "triangle" else 4) for scene in scenes])
        truth = [[10 * scene.x, 10 * scene.y, 20 * (scene.radius - 0.175)] for scene in scenes]
        truth = torch.cat([torch.tensor(truth), turn.cos()[:, None], turn.sin()[:, None]], 1).to(device())
        error = mse_loss(heads["place"](hidden), truth)
        right["place (error)"] = error.item()
        return total + error, right

    _optimise([encoder, heads], steps, loss_of, say, "image encoder")
