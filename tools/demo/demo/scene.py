"""What a clip shows: a coloured shape on a ground, and how it moves. Drawn at random, drawn again from the same seed."""

import math
from dataclasses import dataclass, replace
from random import Random

from .language import COLOURS, MOTIONS, ROTATIONS, SHAPES, SPEEDS, TENSES, sentence

# Speeds per second at speed 1, lengths in parts of the picture's shorter side: a clip of 8 frames at 8 fps lasts one second.
TRAVEL = 0.27
TURN = math.radians(80)
GROWTH = math.log(1.6)
# The simple present moves by jerks: a position is held for so many seconds.
HOLD = 0.25


@dataclass(frozen=True)
class Ground:
    """A gradient from one colour to another, with an optional smooth pattern."""

    first: tuple[float, float, float]
    second: tuple[float, float, float]
    direction: float
    texture: float
    frequency: float
    texture_direction: float
    phase: float


@dataclass(frozen=True)
class Scene:
    """One shape on one ground. `x`, `y`, `radius` in parts of the picture's shorter side, from its centre; `angle` clockwise."""

    shape: str
    colour: str
    motion: str
    speed: str
    tense: str
    x: float
    y: float
    radius: float
    angle: float
    softness: float
    ground: Ground

    def prompt(self, rng: Random) -> str:
        return sentence(self.colour, self.shape, self.motion, self.speed, self.tense, rng)

    def asking_for(self, motion: str) -> "Scene":
        """The same picture with another motion."""
        return replace(self, motion=motion)


def allowed(shape: str) -> list[str]:
    """The motions that can be seen on a shape: a circle is never said to rotate."""
    return [motion for motion in MOTIONS if shape != "circle" or motion not in ROTATIONS]


def _distance(a, b) -> float:
    return math.dist(a, b)


def sample_ground(rng: Random, colour: str) -> Ground:
    """A ground that the colour stands out from, at both ends of the gradient."""
    shape = COLOURS[colour]
    while True:
        first = tuple(rng.uniform(0.08, 0.92) for _ in range(3))
        second = tuple(rng.uniform(0.08, 0.92) for _ in range(3))
        middle = tuple((a + b) / 2 for a, b in zip(first, second))
        if min(_distance(shape, ground) for ground in (first, middle, second)) > 0.5 and _distance(first, second) < 0.8:
            break
    return Ground(
        first,
        second,
        direction=rng.uniform(0, 2 * math.pi),
        texture=rng.choice((0.0, 0.0, 0.04, 0.07)),
        frequency=rng.uniform(1.0, 2.5),
        texture_direction=rng.uniform(0, math.pi),
        phase=rng.uniform(0, 2 * math.pi),
    )


def sample(rng: Random, motion: str | None = None, tense: str | None = None, speed: str | None = None) -> Scene:
    """A scene; what is not given is drawn. Shapes start near the centre, so that the picture does not give the motion away."""
    motion = motion or rng.choice(list(MOTIONS))
    shape = rng.choice([shape for shape in SHAPES if motion in allowed(shape)])
    colour = rng.choice(list(COLOURS))
    return Scene(
        shape=shape,
        colour=colour,
        motion=motion,
        speed=speed or ("normal" if motion == "resting" else rng.choice(("slow", "normal", "normal", "fast"))),
        tense=tense or rng.choices(TENSES, (0.82, 0.12, 0.06))[0],
        x=rng.uniform(-0.10, 0.10),
        y=rng.uniform(-0.10, 0.10),
        radius=rng.uniform(0.14, 0.21),
        angle=0.0 if shape == "circle" or rng.random() < 0.5 else rng.uniform(0, 2 * math.pi),
        softness=rng.uniform(1.0, 2.0),
        ground=sample_ground(rng, colour),
    )


def speed_of(scene: Scene) -> float:
    return SPEEDS[scene.speed]


def moment(scene: Scene, seconds: float) -> float:
    """The time that the motion has reached: steady in the continuous form, by jerks in the simple present, over in the past."""
    match scene.tense:
        case "simple":
            return math.floor(seconds / HOLD + 1e-6) * HOLD
        case "past":
            return 0.0
        case _:
            return seconds


def pose(scene: Scene, seconds: float) -> tuple[float, float, float, float]:
    """`(x, y, radius, angle)` of the shape after so many seconds."""
    way = moment(scene, seconds) * speed_of(scene)
    x, y, radius, angle = scene.x, scene.y, scene.radius, scene.angle
    match scene.motion:
        case "right":
            x += TRAVEL * way
        case "left":
            x -= TRAVEL * way
        case "down":
            y += TRAVEL * way
        case "up":
            y -= TRAVEL * way
        case "growing":
            radius *= math.exp(GROWTH * way)
        case "shrinking":
            radius *= math.exp(-GROWTH * way)
        case "clockwise":
            angle += TURN * way
        case "counterclockwise":
            angle -= TURN * way
    return x, y, radius, angle
