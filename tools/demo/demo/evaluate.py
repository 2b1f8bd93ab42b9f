"""Measures the demo checkpoint through the runtime: pictures and prompts it has never seen, clips made by `i2vgen batch`.

Stops and goes on: clips that are there are not made again.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image

from . import draw, track
from .export import DEFAULTS
from .language import MOTIONS, ROTATIONS
from .scene import Scene, allowed, sample

SIZE, FRAMES, FPS = 64, 8, 8
# Seeds of the scenes; the training draws its own from others.
HELD_OUT, OTHERS = 20_261_122, 20_261_123
SWEEP = 48
SWEPT = dict(cfg_scale=(1, 2, 4, 9), dtype=("f32", "f16"), steps=(10, 20, 50))
# What saves evaluations of the UNet, by the settings that ask for it; the first is what is usual.
FEW = 24
SOLVER, TRAILING = dict(sampler="dpm-solver++"), dict(timestep_spacing="trailing")
FEWER = {
    "usual: DDIM, 10 steps": {},
    "`--steps 5`": dict(steps=5),
    "`--timestep-spacing trailing`": TRAILING,
    "`--timestep-spacing trailing --steps 5`": dict(TRAILING, steps=5),
    "`--sampler dpm-solver++`": SOLVER,
    "`--sampler dpm-solver++ --steps 5`": dict(SOLVER, steps=5),
    "`--sampler dpm-solver++ --timestep-spacing trailing --steps 5`": dict(SOLVER, **TRAILING, steps=5),
    "`--reuse-deep 2`": dict(reuse_deep=2),
    "`--reuse-deep 3`": dict(reuse_deep=3),
    "`--cfg-steps 0-20%=1,60-100%=1`": dict(cfg_steps="0-20%=1,60-100%=1"),
}
# Of them, what changes the UNet's work.
WORKING = ("steps", "cfg_steps", "reuse_deep")


@dataclass
class Clip:
    """One clip to make: a scene's first frame, and the scene that the prompt asks for."""

    name: str
    shown: Scene
    asked: Scene
    prompt: str
    settings: dict


def scenes(number: int) -> list[Scene]:
    """As many of each motion, in the continuous form."""
    rng = Random(HELD_OUT)
    motions = list(MOTIONS)
    return [sample(rng, motion=motions[at % len(motions)], tense="continuous") for at in range(number)]


def clips_of(group: str, chosen: list[Scene], settings: dict) -> list[Clip]:
    """One clip of each scene with these settings; the same prompts and seeds whatever they are."""
    words = Random(OTHERS + 1)
    return [Clip(f"{group}-{at:03}", s, s, s.prompt(words), {"seed": at, **settings}) for at, s in enumerate(chosen)]


def plan(number: int, others: int, sweeps: bool) -> dict[str, list[Clip]]:
    """The sets of clips by name."""
    drawn, rng = scenes(number), Random(OTHERS)
    sets = {"defaults": clips_of("defaults", drawn, {})}
    swapped = []
    for at, scene in enumerate(drawn[:others]):
        asked = scene.asking_for(rng.choice([motion for motion in allowed(scene.shape) if motion != scene.motion]))
        swapped.append(Clip(f"other-{at:03}", scene, asked, asked.prompt(rng), {"seed": at}))
    sets["another prompt"] = swapped
    if sweeps:
        for field, values in SWEPT.items():
            for value in values:
                # What is usual has been made.
                usual = value == DEFAULTS.get(field)
                few = sets["defaults"][:SWEEP] if usual else clips_of(f"{field}-{value}", drawn[:SWEEP], {field: value})
                sets[f"{field} {value}"] = few
    return sets


def make(sets: dict[str, list[Clip]], folder: Path, program: list[str]) -> None:
    """Draws the pictures and has the runtime make every clip that is not there yet."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    lines = []
    for clip in {clip.name: clip for clips in sets.values() for clip in clips}.values():
        picture = draw.clips([clip.shown], 1, FPS, SIZE, SIZE)[0, 0]
        path = folder / "pictures" / f"{clip.name}.png"
        draw.picture(picture).save(path)
        job = dict(picture=f"pictures/{path.name}", prompt=clip.prompt, output=f"{clip.name}-%03d.png", **clip.settings)
        lines.append(json.dumps(job))
    (folder / "jobs.jsonl").write_text("\n".join(lines) + "\n")
    subprocess.run([*program, "batch", str(folder / "jobs.jsonl"), "-o", str(folder / "clips")], check=True)


def read(folder: Path, clip: Clip) -> torch.Tensor:
    """The frames that the runtime wrote, `[frame, 3, h, w]` in 0..1."""
    paths = sorted((folder / "clips").glob(f"{clip.name}-*.png"))
    frames = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return -10 * (a - b).pow(2).mean().clamp_min(1e-8).log10().item()


def share(values) -> float:
    values = list(values)
    return sum(values) / len(values) if values else float("nan")


def measure(clips: list[Clip], videos: list[torch.Tensor]) -> dict[str, float]:
    """What the clips show against what was asked."""
    rows = []
    for clip, video in zip(clips, videos):
        truth = draw.clips([clip.asked], FRAMES, FPS, SIZE, SIZE)[0]
        paces = track.paces(video, clip.asked, FPS)
        turning = clip.asked.motion in ROTATIONS or clip.shown.motion in ROTATIONS
        whole = track.whole(clip.asked, (FRAMES - 1) / FPS, SIZE)
        rows.append(
            dict(
                motion=clip.asked.motion,
                turning=turning,
                seen=track.motion(paces),
                seen_of_seven=track.motion(paces, turning=False),
                original=clip.shown.motion,
                pace=paces.get(clip.asked.motion),
                speed=clip.asked.speed,
                shape=track.shape(video[-1], clip.asked) == clip.asked.shape if whole else None,
                colour=track.colour(video[-1], clip.asked) == clip.asked.colour if whole else None,
                psnr=psnr(video[1:], truth[1:]),
                still=psnr(truth[:1].expand_as(truth)[1:], truth[1:]),
            )
        )
    seven = [row for row in rows if not row["turning"]]
    moving = [row for row in rows if row["motion"] != "resting"]
    pace = lambda speed: share(row["pace"] for row in moving if row["speed"] == speed)
    return {
        "clips": len(rows),
        "motion of seven": share(row["seen_of_seven"] == row["motion"] for row in seven),
        "motion with rotation": share(row["seen"] == row["motion"] for row in rows),
        "rotations": share(row["seen"] == row["motion"] for row in rows if row["motion"] in ROTATIONS),
        "original motion": share(row["seen"] == row["original"] for row in rows),
        "shape kept": share(row["shape"] for row in rows if row["shape"] is not None),
        "colour kept": share(row["colour"] for row in rows if row["colour"] is not None),
        "PSNR": share(row["psnr"] for row in moving),
        "of a still copy": share(row["still"] for row in moving),
        "pace slow": pace("slow"),
        "pace normal": pace("normal"),
        "pace fast": pace("fast"),
    }


def controls(clips: list[Clip]) -> dict[str, dict[str, float]]:
    """The measuring itself: true clips must be right throughout, still copies of the first frame wrong but for resting ones."""
    truth = [draw.clips([clip.asked], FRAMES, FPS, SIZE, SIZE)[0] for clip in clips]
    return {
        "(true clips)": measure(clips, truth),
        "(still copies)": measure(clips, [video[:1].expand_as(video) for video in truth]),
    }


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown; shares in per cent, PSNR in dB, paces as factors of the default speed."""
    columns = list(next(iter(results.values())))
    lines = ["| set | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, values in results.items():
        lines.append(f"| {name} | " + " | ".join(_cell(column, values[column]) for column in columns) + " |")
    return "\n".join(lines)


def _cell(column: str, value: float) -> str:
    match column:
        case "clips":
            return str(value)
        case "PSNR" | "of a still copy":
            return f"{value:.1f}"
        case name if name.startswith("pace"):
            return f"{value:.2f}"
        case _:
            return f"{100 * value:.1f} %"


def unet_work(program: list[str], folder: Path, settings: dict) -> float:
    """Floating-point operations of the UNet in one clip, as the planner counts them."""
    options = [text for field in WORKING if field in settings for text in (flag(field), str(settings[field]))]
    command = [program[0], "plan", "--model", "demo", "--json", *options]
    # Here, `demo` would be this package.
    plan = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    phases = json.loads(plan.stdout)["estimate"]["phases"]
    steps = [phase for phase in phases if phase["name"].startswith(("denoising", "outermost"))]
    return sum(phase["flops"] * phase["runs"] for phase in steps)


def flag(field: str) -> str:
    return "--" + field.replace("_", "-")


def fewer(folder: Path, program: list[str]) -> None:
    """What fewer evaluations of the UNet cost in quality."""
    torch.set_num_threads(1)
    drawn = scenes(FEW)
    sets = {name: clips_of(f"set{at}", drawn, settings) for at, (name, settings) in enumerate(FEWER.items())}
    make(sets, folder, program)
    videos = {name: [read(folder, clip) for clip in clips] for name, clips in sets.items()}
    usual = next(iter(videos.values()))
    whole = unet_work(program, folder, {})
    lines = ["| setting | work of the UNet | motion right | shape kept | colour kept | PSNR to the true clip | to the usual clip |"]
    lines.append("|---" * 7 + "|")
    for name, clips in sets.items():
        seen = measure(clips, videos[name])
        shares = [f"{100 * seen[column]:.0f} %" for column in ("motion with rotation", "shape kept", "colour kept")]
        apart = share(psnr(a, b) for a, b in zip(usual, videos[name]))
        to_usual = "" if videos[name] is usual else f"{apart:.1f} dB"
        work = unet_work(program, folder, FEWER[name]) / whole
        lines.append(f"| {name} | {100 * work:.0f} % | {' | '.join(shares)} | {seen['PSNR']:.1f} dB | {to_usual} |")
    text = "\n".join(lines)
    (folder / "results.md").write_text(text + "\n")
    print(text)


def evaluate(folder: Path, program: list[str], number: int, others: int, sweeps: bool) -> None:
    torch.set_num_threads(1)
    sets = plan(number, others, sweeps)
    make(sets, folder, program)
    results = {name: measure(clips, [read(folder, clip) for clip in clips]) for name, clips in sets.items()}
    results |= controls(sets["defaults"])
    text = table(results)
    (folder / "results.md").write_text(text + "\n")
    print(text)
