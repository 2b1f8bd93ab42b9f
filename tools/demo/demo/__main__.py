"""`python -m demo STAGE`: one stage of the training."""

import argparse
from pathlib import Path

from . import beside, control, evaluate, export, look, pictures, training, unet, vae


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    stage = stages.add_parser("vae", help="train the VAE")
    stage.add_argument("folder", type=Path)
    stage.add_argument("--steps", type=int, default=6000)
    stage.add_argument("--batch", type=int, default=8, help="for each worker")
    stage = stages.add_parser("decoder", help="go on with the VAE's decoder alone")
    stage.add_argument("folder", type=Path)
    stage.add_argument("--start", type=Path, required=True, help="the VAE to go on from")
    stage.add_argument("--steps", type=int, default=3000)
    stage.add_argument("--batch", type=int, default=4, help="for each worker")
    stage = stages.add_parser("unet", help="train the UNet and the encoders")
    stage.add_argument("folder", type=Path)
    stage.add_argument("--vae", type=Path, required=True, help="the trained VAE")
    stage.add_argument("--steps", type=int, default=12000)
    stage.add_argument("--batch", type=int, default=4, help="for each worker")
    stage.add_argument("--rate", type=float, default=1e-3)
    stage.add_argument("--start", type=Path, help="a checkpoint to go on from, instead of from nothing")
    stage = stages.add_parser("export", help="write the checkpoint")
    stage.add_argument("folder", type=Path, help="where the UNet was trained")
    stage.add_argument("--vae", type=Path, required=True)
    stage.add_argument("--target", type=Path, required=True)
    stage = stages.add_parser("look", help="a sheet of clips, true ones above those of the checkpoint")
    stage.add_argument("checkpoint", type=Path)
    stage.add_argument("--sheet", type=Path, required=True)
    stage.add_argument("--guidance", type=float, default=2.0)
    stage.add_argument("--frames", type=int, default=8)
    stage = stages.add_parser("evaluate", help="measure the checkpoint through the runtime")
    stage.add_argument("folder", type=Path, help="for pictures and clips; run again, it goes on")
    stage.add_argument("--program", nargs="+", required=True, help="the runtime and options of its `batch`")
    stage.add_argument("--clips", type=int, default=200)
    stage.add_argument("--others", type=int, default=100, help="how many pictures get another prompt as well")
    stage.add_argument("--sweeps", action="store_true", help="also other guidance scales, steps and number formats")
    stage.add_argument("--fewer", action="store_true", help="instead: what saves evaluations of the UNet, 24 clips each")
    stage = stages.add_parser("control", help="measure what anchoring, fresh noise and guidance do")
    stage.add_argument("folder", type=Path, help="for pictures and clips; run again, it goes on")
    stage.add_argument("--program", nargs="+", required=True, help="the runtime")
    stage.add_argument("--pictures", type=int, default=32)
    stage = stages.add_parser("beside", help="time the runtime beside diffusers on the CPU")
    stage.add_argument("--program", nargs="+", required=True, help="the runtime")
    stage.add_argument("--rounds", type=int, default=5)
    stage = stages.add_parser("pictures", help="draw the example pictures")
    stage.add_argument("folder", type=Path)
    a = parser.parse_args()
    match a.stage:
        case "vae":
            training.launch(vae.train, a.folder, a.steps, a.batch)
        case "decoder":
            training.launch(vae.refine, a.folder, a.start, a.steps, a.batch)
        case "unet":
            training.launch(unet.train, a.folder, a.vae, a.steps, a.batch, a.rate, a.start)
        case "pictures":
            pictures.write(a.folder)
        case "look":
            look.look(a.checkpoint, a.sheet, a.guidance, a.frames)
        case "evaluate" if a.fewer:
            evaluate.fewer(a.folder, a.program)
        case "evaluate":
            evaluate.evaluate(a.folder, a.program, a.clips, a.others, a.sweeps)
        case "control":
            control.control(a.folder, a.program, a.pictures)
        case "beside":
            beside.beside(a.program, a.rounds)
        case "export":
            export.export(a.folder, a.vae, a.target)


if __name__ == "__main__":
    main()
