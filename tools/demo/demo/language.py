"""The sentences of the demo: colours, shapes, motions, speeds and tenses, and how they are said."""

from random import Random

COLOURS = {
    "red": (0.90, 0.14, 0.14),
    "green": (0.12, 0.70, 0.22),
    "blue": (0.14, 0.28, 0.92),
    "yellow": (0.96, 0.86, 0.14),
    "purple": (0.58, 0.18, 0.78),
    "white": (0.97, 0.97, 0.97),
    "black": (0.05, 0.05, 0.06),
}
SHAPES = ("circle", "square", "triangle", "cross")

# How fast, as a factor of the default speed, and the words for it.
SPEEDS = {"slow": 0.5, "normal": 1.0, "fast": 1.6}
SPEED_WORDS = {"slow": ("slowly",), "normal": ("",), "fast": ("quickly", "fast")}

# (present participle, simple present, simple past, what follows) of every wording.
MOTIONS = {
    "right": (("moving", "moves", "moved", "right"), ("moving", "moves", "moved", "to the right"), ("sliding", "slides", "slid", "right")),
    "left": (("moving", "moves", "moved", "left"), ("moving", "moves", "moved", "to the left"), ("sliding", "slides", "slid", "left")),
    "up": (("moving", "moves", "moved", "up"), ("moving", "moves", "moved", "upwards"), ("rising", "rises", "rose", "")),
    "down": (("moving", "moves", "moved", "down"), ("moving", "moves", "moved", "downwards"), ("falling", "falls", "fell", "")),
    "growing": (("growing", "grows", "grew", ""), ("getting", "gets", "got", "bigger"), ("expanding", "expands", "expanded", "")),
    "shrinking": (("shrinking", "shrinks", "shrank", ""), ("getting", "gets", "got", "smaller")),
    "clockwise": (
        ("rotating", "rotates", "rotated", ""),
        ("rotating", "rotates", "rotated", "clockwise"),
        ("turning", "turns", "turned", ""),
        ("spinning", "spins", "spun", "clockwise"),
    ),
    "counterclockwise": (
        ("rotating", "rotates", "rotated", "counterclockwise"),
        ("turning", "turns", "turned", "counterclockwise"),
        ("spinning", "spins", "spun", "counterclockwise"),
    ),
    "resting": (("resting", "rests", "rested", ""), ("standing", "stands", "stood", "still"), ("staying", "stays", "stayed", "in place")),
}
ROTATIONS = ("clockwise", "counterclockwise")
TENSES = ("continuous", "simple", "past")

# What stands in for "no prompt" in training, so that either works as a negative prompt.
NEGATIVES = ("", "", "", "distorted, blurry, low quality, static, motionless")


def sentence(colour: str, shape: str, motion: str, speed: str, tense: str, rng: Random) -> str:
    """One wording of the scene, drawn from all of them: "the blue square is rotating slowly"."""
    participle, simple, past, rest = rng.choice(MOTIONS[motion])
    adverb = "" if motion == "resting" else rng.choice(SPEED_WORDS[speed])
    before = adverb == "slowly" and rng.random() < 0.25
    verb = {"continuous": participle, "simple": simple, "past": past}[tense]
    words = [rng.choice(("a", "a", "the")), colour, shape]
    words += ["is"] if tense == "continuous" else []
    words += [adverb, verb, rest] if before else [verb, rest, adverb]
    return " ".join(word for word in words if word)


def vocabulary() -> list[str]:
    """Every word that a sentence of the demo may contain, in a fixed order."""
    words = ["a", "the", "is", *COLOURS, *SHAPES]
    for wordings in MOTIONS.values():
        for wording in wordings:
            words += " ".join(wording).split()
    for adverbs in SPEED_WORDS.values():
        words += [adverb for adverb in adverbs if adverb]
    for negative in NEGATIVES:
        words += negative.replace(",", " ,").split()
    # Words that people try; the model has seen none of them, but they cost one token instead of many.
    words += "an and are it shape on in of to with not background video".split()
    return list(dict.fromkeys(words))
