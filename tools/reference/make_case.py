"""Makes a reference case: a tiny random checkpoint, a picture, and every stage of the reference run on them."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image

from refcase.case import write_params, write_stages
from refcase.checkpoint import build_pipeline, parameter_counts, save_pipeline
from refcase.config import CaseConfig, ConfigError, Request, read_config
from refcase.deviation import deviation
from refcase.noise import NoiseTape
from refcase.picture import draw_picture
from refcase.run import load_pipeline, record_run, silence_libraries


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT_DIR", help="folder of the case; must not exist yet")
    parser.add_argument("--config", type=Path, required=True, help="description, such as configs/guided-square.json")
    parser.add_argument("--model", type=Path, help="use this checkpoint folder instead of a random one")
    parser.add_argument("--image", type=Path, help="use this 8-bit RGB picture instead of a drawn one")
    return parser.parse_args()


def make_case(config: CaseConfig, out: Path, model: Path | None, image: Path | None) -> None:
    """Writes the whole folder of a case, under a temporary name until it is complete."""
    random_model = None if model else build_pipeline(config)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        unfinished = Path(folder, out.name)
        unfinished.mkdir()
        write_inputs(config, unfinished, random_model, model, image)
        record_case(config, unfinished)
        unfinished.rename(out)


def write_inputs(config: CaseConfig, out: Path, random_model, model: Path | None, image: Path | None) -> None:
    """Writes input.png and model/: what was given, or what the description draws."""
    if image:
        shutil.copyfile(image, out / "input.png")
    else:
        draw_picture(*config.request.image_size).save(out / "input.png", optimize=True)
    if model:
        shutil.copytree(model, out / "model")
    else:
        save_pipeline(random_model, config, out / "model")


def record_case(config: CaseConfig, out: Path) -> None:
    """Runs `out/model` on `out/input.png` in three precisions; writes reference.safetensors and params.json."""
    request, variant = config.request, config.storage.variant
    tape = NoiseTape()
    pipeline = load_pipeline(out / "model", variant, torch.float32)
    stages = run_stages(pipeline, request, out, tape)
    report = {}
    for name, dtype in (("fp64", torch.float64), ("fp16", torch.float16)):
        other = load_pipeline(out / "model", variant, dtype)
        report[name] = deviation(run_stages(other, request, out, tape), stages)
    model = {
        "config": {part: getattr(config, part) for part in ("unet", "vae", "text", "vision", "tokenizer")},
        "scheduler": config.scheduler,
        "parameters": parameter_counts(pipeline),
    }
    write_stages(stages, out)
    write_params(out, request, variant, model, stages, report)


def run_stages(pipeline, request: Request, out: Path, tape: NoiseTape) -> dict[str, torch.Tensor]:
    """One run on the picture of the case."""
    with Image.open(out / "input.png") as picture:
        return record_run(pipeline, request, picture.convert("RGB"), tape)


def main() -> int:
    arguments = parse_arguments()
    silence_libraries()
    if arguments.out.exists():
        print(f"error: {arguments.out} exists; name a folder that does not", file=sys.stderr)
        return 1
    try:
        make_case(read_config(arguments.config), arguments.out, arguments.model, arguments.image)
    except (ConfigError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
