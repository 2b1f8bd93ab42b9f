"""Reads and checks the JSON description of a case."""

import json
from dataclasses import dataclass, fields
from pathlib import Path


class ConfigError(Exception):
    """A description that cannot be used; the message is one line that names the field."""


@dataclass(frozen=True)
class Request:
    """One generation: what `params.json` holds under `params`."""

    config: str
    seed: int
    prompt: str
    negative: str | None
    image_size: tuple[int, int]  # drawn picture, width and height in pixels
    width: int
    height: int
    frames: int
    steps: int
    fps: int  # the model's condition, not the rate of a file
    guidance: float
    eta: float
    clip_skip: int


@dataclass(frozen=True)
class Storage:
    """How the weights are written: element type, file variant, and shard limit in bytes."""

    dtype: str
    variant: str | None = None
    shard_bytes: int | None = None


@dataclass(frozen=True)
class CaseConfig:
    """A whole description; the five dictionaries are keyword arguments of the classes that they configure."""

    request: Request
    unet: dict
    vae: dict
    text: dict
    vision: dict
    scheduler: dict
    tokenizer: dict  # "format": "files" or "json"; "pad_token"
    storage: Storage


REQUEST_TYPES = {
    "config": str, "seed": int, "prompt": str, "negative": (str, type(None)), "image_size": list, "width": int,
    "height": int, "frames": int, "steps": int, "fps": int, "guidance": (int, float), "eta": (int, float),
    "clip_skip": int,
}  # fmt: skip
DTYPES = ("float32", "float16", "bfloat16")


def read_config(path: Path) -> CaseConfig:
    """Reads a description; raises ConfigError for anything missing, unknown or of the wrong type."""
    data = read_json(path)
    sections = {f.name for f in fields(CaseConfig)}
    reject_difference(set(data), sections, f"{path.name}")
    for name in sections:
        if not isinstance(data[name], dict):
            raise ConfigError(f"{path.name}: {name} must be an object")
    return CaseConfig(
        request=parse_request(data["request"], f"{path.name}: request"),
        storage=parse_storage(data["storage"], f"{path.name}: storage"),
        tokenizer=parse_tokenizer(data["tokenizer"], f"{path.name}: tokenizer"),
        **{name: data[name] for name in ("unet", "vae", "text", "vision", "scheduler")},
    )


def read_json(path: Path) -> dict:
    """Reads one JSON object from a file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold a JSON object")
    return data


def reject_difference(found: set, expected: set, where: str) -> None:
    """Raises ConfigError unless exactly the expected names were found."""
    if missing := expected - found:
        raise ConfigError(f"{where}: missing {', '.join(sorted(missing))}")
    if unknown := found - expected:
        raise ConfigError(f"{where}: unknown {', '.join(sorted(unknown))}")


def parse_request(data: dict, where: str) -> Request:
    """Checks types and the ranges that the pipeline itself would only trip over."""
    reject_difference(set(data), set(REQUEST_TYPES), where)
    for name, kind in REQUEST_TYPES.items():
        if not isinstance(data[name], kind) or isinstance(data[name], bool):
            raise ConfigError(f"{where}: {name} has the wrong type: {data[name]!r}")
    for name in ("width", "height"):
        if data[name] <= 0 or data[name] % 8:
            raise ConfigError(f"{where}: {name} must be a positive multiple of 8, found {data[name]}")
    for name in ("frames", "steps", "fps"):
        if data[name] < 1:
            raise ConfigError(f"{where}: {name} must be at least 1, found {data[name]}")
    size = data["image_size"]
    if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise ConfigError(f"{where}: image_size must be [width, height], found {size}")
    return Request(**{**data, "image_size": tuple(size)})


def parse_storage(data: dict, where: str) -> Storage:
    """Checks the element type and the shard limit."""
    reject_difference(set(data) | {"variant", "shard_bytes"}, {f.name for f in fields(Storage)}, where)
    if data["dtype"] not in DTYPES:
        raise ConfigError(f"{where}: dtype must be one of {', '.join(DTYPES)}, found {data['dtype']!r}")
    return Storage(**data)


def parse_tokenizer(data: dict, where: str) -> dict:
    """Checks the file format of the tokenizer."""
    reject_difference(set(data), {"format", "pad_token"}, where)
    if data["format"] not in ("files", "json"):
        raise ConfigError(f"{where}: format must be files or json, found {data['format']!r}")
    return data
