"""A CLIP tokenizer for the words of the demo: byte-level BPE whose merges build each of them whole; other words fall into bytes."""

import collections
import json
from pathlib import Path

from transformers import CLIPTokenizer

from .language import vocabulary

# Positions of a prompt, with its start and its end.
LENGTH = 32


def _byte_letters() -> list[str]:
    """One printable letter for each of the 256 bytes, in the order of CLIP's own vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + at) for at in range(len(others))]


def _merge(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    merged, at = [], 0
    while at < len(pieces):
        if tuple(pieces[at : at + 2]) == pair:
            merged.append("".join(pair))
            at += 2
        else:
            merged.append(pieces[at])
            at += 1
    return merged


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """The most frequent pair first, until every word is one piece."""
    pieces = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges = []
    while counts := collections.Counter(pair for word in pieces for pair in zip(word, word[1:])):
        pair = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(pair)
        pieces = [_merge(word, pair) for word in pieces]
    return merges


def build(folder: Path) -> CLIPTokenizer:
    """Writes the tokenizer's files and loads them."""
    letters = _byte_letters()
    merges = _merges([word for word in vocabulary() if word.isalpha()])
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH, pad_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def ids(tokenizer: CLIPTokenizer, prompts: list[str]):
    """Token ids as the pipeline makes them, `[prompt, LENGTH]`."""
    return tokenizer(prompts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids
