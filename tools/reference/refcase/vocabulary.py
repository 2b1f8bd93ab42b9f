"""A small byte-level vocabulary in CLIP's format, built from a word list of its own."""

import json
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer, CLIPTokenizerFast

WORDS = """a an the and of on in over across with small boat lake kite wind hill cloud fox lantern river paper ship
drifting turning moving rising spreading flowing glowing slowly gently is are blurry static low quality resolution
red blue green golden""".split()
END_OF_WORD = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_characters() -> list[str]:
    """The 256 printable characters that stand for the bytes, in the order that CLIP numbers them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first, until every word is one token."""
    spellings = {word: [*word[:-1], word[-1] + END_OF_WORD] for word in words}
    merges = []
    while pairs := Counter(pair for parts in spellings.values() for pair in pairwise(parts)):
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        spellings = {word: merge(parts, best) for word, parts in spellings.items()}
    return merges


def merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    """Joins every occurrence of `pair` in `parts`, left to right."""
    joined, index = [], 0
    while index < len(parts):
        width = 2 if tuple(parts[index : index + 2]) == pair else 1
        joined.append("".join(parts[index : index + width]))
        index += width
    return joined


def build_tokenizer(form: str, pad_token: str, length: int):
    """A tokenizer of `length` positions.

    `form` "files" is saved as vocab.json + merges.txt, "json" as tokenizer.json.
    """
    merges = learn_merges(WORDS)
    letters = byte_characters()
    tokens = letters + [letter + END_OF_WORD for letter in letters] + ["".join(pair) for pair in merges]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys([*tokens, START, END]))}
    kind = CLIPTokenizer if form == "files" else CLIPTokenizerFast
    with tempfile.TemporaryDirectory() as folder:
        vocab_file, merges_file = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocab_file.write_text(json.dumps(vocabulary), encoding="utf-8")
        lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
        merges_file.write_text("\n".join(lines), encoding="utf-8")
        return kind(str(vocab_file), str(merges_file), pad_token=pad_token, model_max_length=length)


def save_tokenizer(tokenizer, folder: Path) -> None:
    """Writes the tokenizer's files; a fast tokenizer writes tokenizer.json and no vocab.json."""
    if tokenizer.is_fast:
        tokenizer.save_pretrained(folder, legacy_format=False)
    else:
        tokenizer.save_pretrained(folder)
