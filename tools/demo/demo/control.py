"""Measures what anchoring, fresh noise and guidance do to the demo checkpoint's clips: held-out pictures, made and measured by `i2vgen sweep`,
and looked at by the tracker, which knows what was asked for.

Stops and goes on, as `sweep` does.
"""

import functools
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image, ImageSequence

from . import draw, track
from .evaluate import FPS, FRAMES, OTHERS, SIZE, scenes
from .scene import Scene

# The grids: each is one sweep, whose first setting the others are compared with. What all grids share is made once.
GRIDS = {
    "Twice as many frames as the demo was trained with": "--frames 16 --anchor-interval 0,4 --anchor-mode adain,lowpass",
    "Its own 8 frames, by mode": "--anchor-interval 0,4 --anchor-mode adain,lowpass,blend",
    "By strength": "--anchor-interval 0,4 --anchor-mode adain --anchor-strength 0.3,0.6,1",
    "At the upper end of the guidance that suits it": "--cfg-scale 4 --anchor-interval 0,4 --anchor-mode adain",
    "Fresh noise": "--eta 0,0.3,0.8",
    "Anchoring with fresh noise": "--eta 0.3 --anchor-interval 0,4 --anchor-mode adain",
    "Guidance": "--cfg-scale 2,1,4,9",
}
# The settings that name a row, as `sweep` reports them.
NAMES = {"anchor_interval": "interval", "anchor_mode": "", "anchor_strength": "strength", "anchor_noise": "noise", "eta": "eta", "cfg_scale": "guidance"}
DRAWS = 10_000


def write(folder: Path, shown: list[Scene]) -> Path:
    """The pictures and their list of jobs."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    words, lines = Random(OTHERS + 1), []
    for at, scene in enumerate(shown):
        path = folder / "pictures" / f"{at:03}.png"
        draw.picture(draw.clips([scene], 1, FPS, SIZE, SIZE)[0, 0]).save(path)
        lines.append(json.dumps(dict(picture=f"pictures/{path.name}", prompt=scene.prompt(words), output=f"{at:03}.webp", seed=at)))
    jobs = folder / "pictures.jsonl"
    jobs.write_text("\n".join(lines) + "\n")
    return jobs


def read(path: Path) -> torch.Tensor:
    """The frames of a clip, `[frame, 3, h, w]` in 0..1."""
    frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(path))]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def look(measured: dict, video: torch.Tensor, scene: Scene) -> dict[str, float]:
    """What a clip is like: the encoder's identity, as the program measured it, and what the tracker sees."""
    picture = draw.clips([scene], 1, FPS, SIZE, SIZE)[0, 0]
    first, own = track.inside(picture, scene), [scene.shape]
    # What has left the frame in part has no outline to compare.
    whole = [video[at] for at in range(1, len(video)) if track.whole(scene, at / FPS, SIZE)]
    mean = lambda values: float(np.mean(values)) if values else math.nan
    paces = track.paces(video, scene, FPS)
    return {
        "identity": measured["identity"],
        "colour": 255 * mean([math.dist(track.inside(frame, scene), first) for frame in whole]),
        "shape": mean([track.overlaps(frame, scene, own)[scene.shape] for frame in whole]),
        "flicker": measured["brightness_flicker"],
        "pace": paces[scene.motion] if scene.motion in paces else math.nan,
        "right": float(track.motion(paces) == scene.motion),
    }


def interval(differences: np.ndarray) -> tuple[float, float]:
    """95 % of the means of as many values drawn with replacement."""
    rng = np.random.default_rng(1)
    means = differences[rng.integers(0, len(differences), (DRAWS, len(differences)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def difference(rows: list[dict], base: list[dict], column: str, digits: int) -> str:
    """The mean over clips, and how far it is from the first setting's, with its interval; a star where that leaves out 0."""
    values = np.array([row[column] for row in rows])
    apart = values - np.array([row[column] for row in base])
    known = ~np.isnan(apart)
    mean = f"{values[known].mean():.{digits}f}"
    if rows is base:
        return mean
    low, high = interval(apart[known])
    star = " *" if low > 0 or high < 0 else ""
    return f"{mean} ({apart[known].mean():+.{digits}f}, {low:+.{digits}f} to {high:+.{digits}f}{star})"


def kept(rows: list[dict], base: list[dict]) -> tuple[str, str]:
    """Of the clips whose first setting shows the motion that was asked for: those that still do, and how far they go beside it."""
    pairs = [(row, first) for row, first in zip(rows, base) if first["right"]]
    moving = [row["pace"] / first["pace"] for row, first in pairs if not math.isnan(first["pace"])]
    return f"{100 * np.mean([row['right'] for row, _ in pairs]):.0f} %", f"{100 * np.mean(moving):.0f} %"


def table(grid: list[list[dict]], names: list[str], true: list[dict]) -> str:
    head = ["setting", "identity", "colour", "shape", "flicker", "motion kept", "displacement"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, rows in zip([*names, "(true clips)"], [*grid, true]):
        cells = [difference(rows, grid[0], column, digits) for column, digits in (("identity", 4), ("colour", 1), ("shape", 3), ("flicker", 2))]
        lines.append("| " + " | ".join([name, *cells, *kept(rows, grid[0])]) + " |")
    return "\n".join(lines)


def name(setting: dict) -> str:
    said = [f"{word} {setting[field]:g}" if isinstance(setting[field], float) else f"{word} {setting[field]}".strip() for field, word in NAMES.items() if field in setting]
    return "off" if setting.get("anchor_interval") == 0 else ", ".join(said)


def truth(folder: Path, program: list[str], shown: list[Scene], frames: int) -> list[dict]:
    """What true clips are like: how much of the measures is motion."""
    rows = []
    for at, scene in enumerate(shown):
        video = draw.clips([scene], frames, FPS, SIZE, SIZE)[0]
        pattern = folder / "true" / f"{at:03}-%03d.png"
        pattern.parent.mkdir(exist_ok=True)
        for number, frame in enumerate(video, 1):
            draw.picture(frame).save(str(pattern) % number)
        command = [*program, "metrics", str(pattern), "--reference", str(folder / "pictures" / f"{at:03}.png"), "--json"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append(look(found["mean"], video, scene))
    return rows


def measure(folder: Path, program: list[str], jobs: Path, options: str, shown: list[Scene], true: Callable[[int], list[dict]]) -> str:
    """One sweep and its table; `true` gives what true clips of so many frames are like."""
    out = folder / "sweep"
    command = [*program, "sweep", str(jobs), *options.split(), "--format", "webp", "-o", str(out), "--no-advice", "--limit", "10000"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((out / "sweep.json").read_text())
    names, grid = [], []
    for setting in found["settings"]:
        fields = {field: setting[field] for field in NAMES if field in setting}
        clips = [clip for clip in found["clips"] if all(clip.get(field) == value for field, value in fields.items())]
        clips.sort(key=lambda clip: clip["picture"])
        names.append(name(fields))
        grid.append([look(clip, read(out / "clips" / clip["file"]), scene) for clip, scene in zip(clips, shown, strict=True)])
    frames = int(options.split("--frames ")[1].split()[0]) if "--frames" in options else FRAMES
    return table(grid, names, true(frames))


def control(folder: Path, program: list[str], number: int) -> None:
    torch.set_num_threads(1)
    shown = scenes(number)
    jobs = write(folder, shown)
    true = functools.cache(lambda frames: truth(folder, program, shown, frames))
    parts = []
    for title, options in GRIDS.items():
        parts.append(f"**{title}** (`{options}`)\n\n{measure(folder, program, jobs, options, shown, true)}\n")
        print(parts[-1], flush=True)
    (folder / "results.md").write_text("\n".join(parts))
