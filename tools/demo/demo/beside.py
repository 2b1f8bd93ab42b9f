"""The runtime beside diffusers on the CPU: the same checkpoint, picture, prompt, steps and size, in turn, as a ratio of times."""

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random

import torch
from diffusers import I2VGenXLPipeline

from . import draw, look
from .evaluate import FPS, FRAMES, SIZE, scenes
from .export import DEFAULTS

THREADS = 2


def program(command: list[str], folder: Path, scene, prompt: str) -> list[float]:
    """Seconds of two clips, made one after the other by one process: the first one compiles the shaders."""
    jobs = [dict(picture="picture.png", prompt=prompt, output=f"{at}-%03d.png", seed=at) for at in range(2)]
    (folder / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    draw.picture(draw.clips([scene], 1, FPS, SIZE, SIZE)[0, 0]).save(folder / "picture.png")
    out = tempfile.mkdtemp(dir=folder)
    options = ["-o", out, "--progress", "json", "--no-advice"]
    done = subprocess.run([*command, "batch", str(folder / "jobs.jsonl"), *options], check=True, capture_output=True, text=True)
    events = map(json.loads, done.stdout.splitlines())
    return [event["seconds"] for event in events if event.get("event") == "job" and "seconds" in event]


def beside(command: list[str], rounds: int) -> None:
    torch.set_num_threads(THREADS)
    pipeline = I2VGenXLPipeline.from_pretrained(Path(__file__).parents[3] / "weights/demo", torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    times = {"diffusers": [], "i2vgen, first clip": [], "i2vgen, second clip": []}
    with tempfile.TemporaryDirectory() as folder:
        for scene in scenes(rounds):
            prompt = scene.prompt(Random(1))
            start = time.perf_counter()
            look.generate(pipeline, [scene], [prompt], FRAMES, DEFAULTS["cfg_scale"], DEFAULTS["steps"])
            times["diffusers"].append(time.perf_counter() - start)
            first, second = program(command, Path(folder), scene, prompt)
            times["i2vgen, first clip"].append(first)
            times["i2vgen, second clip"].append(second)
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, times["diffusers"])]
        print(f"{name}: {statistics.median(seconds):.1f} s a clip, {statistics.median(ratios):.2f} of diffusers' ({min(ratios):.2f} to {max(ratios):.2f})")
