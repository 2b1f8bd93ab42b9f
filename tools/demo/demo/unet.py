"""Trains the UNet, the text encoder and the image encoder together, on the latents of a finished VAE."""

from pathlib import Path
from random import Random

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn.functional import max_pool2d

from . import conditioning, initial, networks, pool, pretrain, quicker
from .language import NEGATIVES
from .pool import FRAMES, Pool
from .scene import allowed, sample
from .tokenizer import build, ids
from .training import Trainer, device

# Part of the steps that see every other frame at half the rate: the motion is the same, the step costs half.
SKIPPING = 0.8
# Timesteps are 1000 u^NOISY for uniform u: more of the high noise, where the motion is decided.
NOISY = 0.45
# How much more the error counts where latents move.
MOVING = 6.0
# Share of clips that are trained without prompt and picture embedding.
UNCONDITIONAL = 0.1


def modules(tokenizer) -> nn.ModuleDict:
    return nn.ModuleDict(
        dict(unet=networks.unet(), text_encoder=networks.text_encoder(tokenizer), image_encoder=networks.image_encoder())
    )


def load(models: nn.ModuleDict, start: Path) -> None:
    """Weights of a checkpoint in diffusers' layout, to go on from."""
    for name, model in models.items():
        loaded = type(model).from_pretrained(start / name, torch_dtype=torch.float32)
        model.load_state_dict(loaded.state_dict())


def begin(models: nn.ModuleDict, tokenizer, say) -> None:
    """A start that listens to prompt and picture from the first step."""
    unet = models["unet"]
    initial.calm(unet, 0.1)
    with torch.no_grad():
        unet.transformer_in.proj_out.weight.mul_(5)
        unet.conv_out.weight.mul_(0.1)
        unet.conv_out.bias.zero_()
    initial.image_path(unet)
    initial.text_path(unet, 4.0)
    models.to(device())
    pretrain.text(models["text_encoder"], tokenizer, say)
    pretrain.image(models["image_encoder"], say)


class Noised:
    """Clips at random timesteps, with everything that the UNet is given for them."""

    def __init__(self, items: list[pool.Item], skip: int, timesteps: torch.Tensor, alphas: torch.Tensor):
        clean = torch.stack([item.latents for item in items]).float()[:, :, ::skip]
        self.frames = clean.shape[2]
        self.rates = torch.tensor([item.fps // skip for item in items], device=clean.device)
        self.pictures = torch.stack([item.picture for item in items]).float()
        self.clean, self.timesteps = clean, timesteps
        alpha = alphas[timesteps].view(-1, 1, 1, 1, 1)
        noise = torch.randn_like(clean)
        self.noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        self.velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean

    def predict(self, models: nn.ModuleDict, tokens: torch.Tensor, listening: torch.Tensor) -> torch.Tensor:
        """The UNet's velocity; `listening` is 0 for clips without picture embedding."""
        picture = conditioning.image(models["image_encoder"], self.pictures) * listening[:, None, None]
        return models["unet"](
            self.noisy,
            self.timesteps,
            fps=self.rates,
            image_latents=conditioning.image_latents(self.clean[:, :, 0], self.frames),
            image_embeddings=picture,
            encoder_hidden_states=conditioning.text(models["text_encoder"], tokens),
            return_dict=False,
        )[0]

    def loss(self, velocity: torch.Tensor) -> torch.Tensor:
        """Squared error, counting more where the clip departs from its first frame."""
        moved = max_pool2d((self.clean - self.clean[:, :, :1]).abs().mean(1), 3, 1, 1)
        weights = 1 + MOVING * (moved / 0.5).clamp(max=1)
        return ((velocity - self.velocity).pow(2).mean(1) * weights).sum() / weights.sum()


class Listening:
    """The error on held-out clips with the right and with a wrong prompt: whether the text is heard, which the loss hides."""

    def __init__(self, vae, tokenizer, number: int = 24):
        rng = Random(4242)
        scenes = [sample(rng, tense="continuous") for _ in range(number)]
        self.items = pool.encode(vae, scenes, [8] * number)
        others = [s.asking_for(rng.choice([m for m in allowed(s.shape) if m != s.motion])) for s in scenes]
        self.tokens = {
            "right": ids(tokenizer, [scene.prompt(rng) for scene in scenes]).to(device()),
            "wrong": ids(tokenizer, [scene.prompt(rng) for scene in others]).to(device()),
        }

    @torch.no_grad()
    def measure(self, models: nn.ModuleDict, alphas: torch.Tensor, skip: int, at) -> dict[str, float]:
        errors = {}
        for timestep in (900, 500):
            state = torch.random.get_rng_state()
            torch.manual_seed(1)
            noised = Noised(self.items, skip, torch.full((len(self.items),), timestep, device=device()), alphas)
            torch.random.set_rng_state(state)
            at(noised.frames)
            alpha = alphas[timestep]
            for name, tokens in self.tokens.items():
                velocity = noised.predict(models, tokens, torch.ones(len(self.items), device=device()))
                guess = alpha.sqrt() * noised.noisy - (1 - alpha).sqrt() * velocity
                errors[f"{name} at {timestep}"] = (guess - noised.clean).pow(2).mean().item()
        return errors


def train(rank: int, folder: Path, vae_folder: Path, steps: int, batch: int, rate: float, start: Path | None) -> None:
    torch.manual_seed(0)
    vae = AutoencoderKL.from_pretrained(vae_folder).eval().requires_grad_(False).to(device())
    # A folder for each worker: they write at the same time.
    tokenizer = build(folder / f"tokenizer-{rank}")
    models = modules(tokenizer)
    if start:
        load(models, start)
    models.to(device())
    trainer = Trainer(rank, folder, models, steps, rate, decay_from=0.3, average=0.998)
    if trainer.at == 0 and not start:
        begin(models, tokenizer, trainer.say)
        trainer.restart_average()
    frames = [FRAMES]
    quicker.quicken(models["unet"], lambda: frames[0])
    alphas = networks.scheduler().alphas_cumprod.to(device())
    clips = Pool(vae, 1 + 1000 * rank + trainer.at, capacity=6000)
    clips.add(16 * batch)
    held = Listening(vae, tokenizer) if rank == 0 else None
    rng = Random(1000 * rank + trainer.at)
    torch.manual_seed(1000 * rank + trainer.at)
    trainer.say(", ".join(f"{name}: {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M" for name, model in models.items()))
    while not trainer.done():
        skip = 2 if trainer.progress() < SKIPPING and not start else 1
        clips.add(1)
        items = clips.draw(batch)
        told = [rng.random() >= UNCONDITIONAL for _ in items]
        prompts = [item.scene.prompt(rng) if tell else rng.choice(NEGATIVES) for item, tell in zip(items, told)]
        spread = (torch.randperm(batch) + torch.rand(batch)) / batch
        timesteps = (1000 * spread**NOISY).long().clamp(0, 999).to(device())
        noised = Noised(items, skip, timesteps, alphas)
        frames[0] = noised.frames
        velocity = noised.predict(models, ids(tokenizer, prompts).to(device()), torch.tensor(told, device=device()).float())
        trainer.step(noised.loss(velocity))
        if trainer.at % 100 == 0:
            if held and trainer.at % 300 == 0:
                trainer.note(**held.measure(models, alphas, skip, lambda n: frames.__setitem__(0, n)))
            trainer.report()
        if trainer.at % 300 == 0 or trainer.done():
            trainer.save()

