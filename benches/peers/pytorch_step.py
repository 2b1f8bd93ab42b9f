"""Times what i2vgen competes with on a CUDA card: a denoising step of diffusers' I2VGen-XL UNet (published sizes, random weights, float16,
guidance as a batch of two), eager and compiled, and PyTorch's own products, convolutions and attention at the model's shapes.

    python benches/peers/pytorch_step.py [--compile] [--json FILE]

Needs torch with CUDA and diffusers. Times are medians of device events after a warm-up.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch.nn import functional

CHANNELS, SIDES = (320, 640, 1280, 1280), (64, 32, 16, 8)  # of the levels at 512x512
BATCH, FRAMES = 2, 16


def timed(work, repetitions: int) -> float:
    """Median seconds of a call."""
    for _ in range(3):
        work()
    spans = []
    for _ in range(repetitions):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        spans.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(spans)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device="cuda", dtype=torch.float16)


def operators():
    """Name, floating-point operations, call: the costliest shapes of a step."""
    for channels, side in zip(CHANNELS, SIDES):
        rows = BATCH * FRAMES * side * side
        x = random(rows, channels)
        for name, width in (("linear", channels), ("feed-forward in", 8 * channels)):
            weight = random(width, channels)
            yield f"{name} {rows}x{channels}x{width}", 2 * rows * channels * width, lambda x=x, w=weight: functional.linear(x, w)
        picture, weight = random(BATCH * FRAMES, channels, side, side), random(channels, channels, 3, 3)
        yield f"conv2d 3x3 {channels} at {side}x{side}", 18 * rows * channels * channels, lambda x=picture, w=weight: functional.conv2d(x, w, padding=1)
        clip, weight = random(BATCH, channels, FRAMES, side, side), random(channels, channels, 3, 1, 1)
        yield f"conv3d 3x1x1 {channels} at {side}x{side}", 6 * rows * channels * channels, lambda x=clip, w=weight: functional.conv3d(x, w, padding=(1, 0, 0))
        tokens, heads = side * side, channels // 64
        q, k, v = (random(BATCH * FRAMES, heads, tokens, 64) for _ in range(3))
        yield f"attention {tokens} tokens, {heads} heads", 4 * BATCH * FRAMES * tokens * tokens * channels, lambda q=q, k=k, v=v: functional.scaled_dot_product_attention(q, k, v)


def unet_call():
    """One denoising step, without the scheduler."""
    from diffusers import I2VGenXLUNet

    torch.manual_seed(1)
    with torch.device("cuda"):
        torch.set_default_dtype(torch.float16)
        unet = I2VGenXLUNet(sample_size=64).eval()
        torch.set_default_dtype(torch.float32)
    sample, image_latents = (random(BATCH, 4, FRAMES, 64, 64) for _ in range(2))
    text, image = random(BATCH, 77, 1024), random(BATCH, 1024)
    fps, timestep = torch.full((BATCH,), 16, device="cuda"), torch.tensor(500, device="cuda")

    def call(model):
        with torch.inference_mode():
            return model(sample, timestep, fps, image_latents, image_embeddings=image, encoder_hidden_states=text).sample

    return unet, call


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="torch.compile as well, which takes minutes")
    parser.add_argument("--repetitions", type=int, default=10, metavar="N")
    parser.add_argument("--json", metavar="FILE", help="writes the numbers")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("error: PyTorch sees no CUDA card", file=sys.stderr)
        return 1
    import diffusers

    found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "diffusers": diffusers.__version__, "operators": {}}
    print(f"{found['device']}, torch {found['torch']}, diffusers {found['diffusers']}, float16")
    for name, flop, work in operators():
        seconds = timed(work, arguments.repetitions)
        found["operators"][name] = seconds
        print(f"{name:40} {seconds * 1e3:9.3f} ms {flop / seconds / 1e12:7.1f} TFLOP/s", flush=True)
    unet, call = unet_call()
    found["eager"] = timed(lambda: call(unet), arguments.repetitions)
    found["peak bytes"] = torch.cuda.max_memory_allocated()
    print(f"step, eager    {found['eager'] * 1e3:9.1f} ms, peak {found['peak bytes'] / 2**30:.1f} GiB", flush=True)
    if arguments.compile:
        begin = time.monotonic()
        compiled = torch.compile(unet)
        call(compiled)
        torch.cuda.synchronize()
        found["compiling"] = time.monotonic() - begin
        found["compiled"] = timed(lambda: call(compiled), arguments.repetitions)
        print(f"step, compiled {found['compiled'] * 1e3:9.1f} ms, after {found['compiling']:.0f} s", flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
