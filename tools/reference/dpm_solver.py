"""Writes src/sampler/dpm_solver.json: samples of diffusers' DPMSolverMultistepScheduler on given network outputs.

    venv/bin/python tools/reference/dpm_solver.py > src/sampler/dpm_solver.json
"""

import json

import torch
from diffusers import DPMSolverMultistepScheduler

COSINE = dict(beta_schedule="squaredcos_cap_v2", rescale_betas_zero_snr=True, prediction_type="v_prediction")
SCALED = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
# Scheduler settings, number of steps, eta, what the last step ends at.
WAYS = [
    (dict(COSINE, timestep_spacing="leading", steps_offset=1), 5, 0, "zero"),
    (dict(COSINE, timestep_spacing="leading", steps_offset=1), 1, 0, "zero"),
    (dict(COSINE, timestep_spacing="leading", steps_offset=1), 16, 0, "sigma_min"),
    (dict(COSINE, timestep_spacing="leading", steps_offset=1), 4, 1, "zero"),
    (dict(COSINE, timestep_spacing="trailing"), 5, 0, "zero"),
    (dict(COSINE, timestep_spacing="trailing"), 7, 1, "zero"),
    (dict(COSINE, timestep_spacing="trailing"), 15, 0, "zero"),
    (dict(COSINE, timestep_spacing="trailing"), 3, 0, "sigma_min"),
    (dict(COSINE, timestep_spacing="linspace"), 6, 0, "zero"),
    (dict(COSINE, timestep_spacing="linspace"), 15, 1, "sigma_min"),
    (dict(SCALED, prediction_type="epsilon", timestep_spacing="leading"), 5, 0, "zero"),
    (dict(SCALED, prediction_type="sample", timestep_spacing="trailing"), 5, 1, "zero"),
]
VALUES = 3


def way(settings: dict, steps: int, eta: int, ends: str, generator: torch.Generator) -> dict:
    scheduler = DPMSolverMultistepScheduler(
        **settings, algorithm_type="sde-dpmsolver++" if eta else "dpmsolver++", final_sigmas_type=ends
    )
    scheduler.set_timesteps(steps)
    normals = lambda: torch.randn(VALUES, generator=generator).mul(1000).round().div(1000)
    start = sample = normals()
    outputs, noise, samples = [], [], []
    for timestep in scheduler.timesteps:
        outputs.append(normals())
        z = normals() if eta else None
        noise += [z] if eta else []
        sample = scheduler.step(outputs[-1], timestep, sample, variance_noise=z).prev_sample
        samples.append(sample)
    rows = lambda tensors: [[round(v, 6) for v in t.tolist()] for t in tensors]
    return dict(
        # What is not said here has the same default in DDIMScheduler, but for clipping.
        scheduler=dict(settings, clip_sample=False),
        steps=steps,
        eta=eta,
        ends=ends,
        timesteps=scheduler.timesteps.tolist(),
        # Near 1 the last bit of the table shows in its logarithm: what was used is part of the case.
        alphas={str(t): scheduler.alphas_cumprod[t].item() for t in [0, *scheduler.timesteps.tolist()]},
        start=rows([start])[0],
        outputs=rows(outputs),
        noise=rows(noise),
        samples=rows(samples),
    )


generator = torch.Generator().manual_seed(0)
print("[\n" + ",\n".join(json.dumps(way(*each, generator)) for each in WAYS) + "\n]")
