"""What both trainings share: worker processes, an averaged copy of the weights, a schedule, saved states and a log."""

import json
import math
import os
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn


def workers() -> int:
    """Processes to train with: one for each core, or one that drives the GPU."""
    return 1 if torch.cuda.is_available() else int(os.environ.get("DEMO_WORKERS", os.cpu_count() or 1))


def launch(train, *arguments) -> None:
    """Runs `train(rank, *arguments)` in every worker; they average their gradients (see `Trainer.step`)."""
    count = workers()
    if count == 1:
        _work(0, 1, None, train, arguments)
        return
    with tempfile.TemporaryDirectory() as room:
        torch.multiprocessing.spawn(_work, (count, f"file://{room}/meeting", train, arguments), nprocs=count)


def _work(rank: int, count: int, meeting: str | None, train, arguments) -> None:
    if count > 1:
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=count)
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        train(rank, *arguments)
    finally:
        if count > 1:
            dist.destroy_process_group()


def count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Trainer:
    """AdamW over some modules, their exponential moving average, and a run folder that a killed training goes on from."""

    def __init__(self, rank: int, folder: Path, modules: nn.ModuleDict, steps: int, rate: float, decay_from: float, average: float):
        self.rank, self.folder, self.modules, self.steps, self.rate = rank, folder, modules, steps, rate
        self.decay_from, self.average = decay_from, average
        tables = {id(m.weight) for m in modules.modules() if isinstance(m, nn.Embedding)}
        self.parameters = [p for p in modules.parameters() if p.requires_grad]
        matrices = [p for p in self.parameters if p.ndim > 1 and id(p) not in tables]
        vectors = [p for p in self.parameters if p.ndim <= 1 or id(p) in tables]
        groups = [dict(params=matrices, weight_decay=1e-2), dict(params=vectors, weight_decay=0.0)]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))
        self.at, self.spent, self.began = 0, 0.0, time.time()
        self.sums: dict[str, list[float]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.averaged = {k: v.detach().clone() for k, v in modules.state_dict().items() if v.is_floating_point()}
        if self.state_file.exists():
            self._load()

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"

    def _load(self) -> None:
        state = torch.load(self.state_file, map_location=device(), weights_only=True)
        self.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.averaged, self.at, self.spent = state["averaged"], state["at"], state["spent"]
        self.say(f"going on from step {self.at}")

    def restart_average(self) -> None:
        """To be called after the weights were replaced: the average starts from them."""
        self.averaged = {k: v.detach().clone() for k, v in self.modules.state_dict().items() if v.is_floating_point()}

    def save(self) -> None:
        """Writes the state whole or not at all."""
        if self.rank != 0:
            return
        state = dict(
            modules=self.modules.state_dict(),
            optimiser=self.optimiser.state_dict(),
            averaged=self.averaged,
            at=self.at,
            spent=self.seconds(),
        )
        partial = self.state_file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_file)

    def seconds(self) -> float:
        return self.spent + time.time() - self.began

    def done(self) -> bool:
        return self.at >= self.steps

    def progress(self) -> float:
        return self.at / self.steps

    def learning_rate(self) -> float:
        """Linear warm-up over 100 steps, then constant, then a half cosine down to 1 %."""
        warm = min(1.0, (self.at + 1) / 100)
        over = max(0.0, (self.progress() - self.decay_from) / (1 - self.decay_from))
        return self.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * over)))

    def step(self, loss: torch.Tensor) -> None:
        """One update from the mean gradient of all workers, clipped to norm 1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in self.parameters]
        if count() > 1:
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            flat /= count()
            for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
                gradient.copy_(mean.view_as(gradient))
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.at += 1
        self.note(loss=loss.detach(), norm=norm)
        self._average()

    @torch.no_grad()
    def _average(self) -> None:
        if self.rank != 0:
            return
        keep = min(self.average, (1 + self.at) / (10 + self.at))
        state = self.modules.state_dict()
        names = list(self.averaged)
        torch._foreach_lerp_([self.averaged[n] for n in names], [state[n] for n in names], 1 - keep)

    def use_average(self) -> None:
        """Puts the averaged weights into the modules, for export and measurement."""
        self.modules.load_state_dict({**self.modules.state_dict(), **self.averaged})

    def note(self, **values) -> None:
        for name, value in values.items():
            self.sums.setdefault(name, []).append(float(value))

    def report(self) -> None:
        """One line of JSON with the means since the last one, on the screen and in `log.jsonl`."""
        means = {name: float(f"{sum(values) / len(values):.5g}") for name, values in self.sums.items() if values}
        self.sums = {}
        line = json.dumps(dict(step=self.at, seconds=round(self.seconds()), rate=float(f"{self.learning_rate():.3g}"), **means))
        self.say(line)
        if self.rank == 0:
            with open(self.folder / "log.jsonl", "a") as log:
                log.write(line + "\n")

    def say(self, text: str) -> None:
        if self.rank == 0:
            print(text, flush=True)
