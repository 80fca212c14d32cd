"""The offline encoder on planted edits of headlines: what it finds at each cosine, beside the near search.

    python benchmarks/vectors.py --out benchmarks/results/vectors.json

Edits of TNEWS headlines of 14 characters and more, 200 of each kind. `others` are pairs of two real headlines; the
first few are printed for the eye. The default of `prepare.similarity` comes from here.
"""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from finetrie.data.duplicates import CharacterNgrams
from finetrie.data.duplicates.near import near_pairs
from finetrie.data.duplicates.shingles import shingles
from finetrie.data.duplicates.tokens import plain
from finetrie.data.duplicates.vectors import encode, vector_pairs
from finetrie.data.reading import read
from finetrie.files import write_json

ROOT = Path(__file__).parents[1]
EACH, SHORTEST, SHOWN = 200, 14, 8
COSINES = (0.9, 0.8, 0.7, 0.65, 0.6, 0.55, 0.5, 0.4)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    options.add_argument("--out", type=Path, default=Path("vectors.json"))
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    draw = Random(asked.seed)
    files = [asked.shared / "tnews" / f"{part}.jsonl" for part in ("dev", "test", "train")]
    texts = [plain(row.text) for file in files for row in read(file) if len(row.text) >= SHORTEST]
    edits = _edits(draw, "".join(texts))
    chosen = draw.sample(range(len(texts)), EACH * len(edits))
    planted = {(place, len(texts) + i): list(edits)[i % len(edits)] for i, place in enumerate(chosen)}
    everything = texts + [edits[kind](texts[place]) for (place, _), kind in planted.items()]
    near = near_pairs(shingles(everything, size=2), near=0.5, questions=np.zeros(len(everything), np.int64), seed=0)
    vectors = encode(CharacterNgrams(), everything)
    record: dict[str, Any] = {
        "benchmark": "vectors",
        "python": platform.python_version(),
        "seed": asked.seed,
        "headlines": len(texts),
        "planted": len(planted),
        "near 0.5": _found(near.pairs, everything, planted, len(texts)),
        **{f"vectors {c}": _found(vector_pairs(vectors, alike=c), everything, planted, len(texts)) for c in COSINES},
    }
    write_json(asked.out, record)
    for name, found in record.items():
        print(name, found)


def _edits(draw: Random, characters: str) -> dict[str, Callable[[str], str]]:
    """Kinds of edits by name, each of a text."""

    def substituted(text: str, times: int) -> str:
        for _ in range(times):
            place = draw.randrange(len(text))
            text = text[:place] + draw.choice(characters) + text[place + 1 :]
        return text

    def halves(text: str) -> str:
        middle = len(text) // 2 + draw.randrange(-2, 3)
        return text[middle:] + text[:middle]

    def thirds(text: str) -> str:
        one, two = sorted(draw.sample(range(3, len(text) - 2), 2))
        return text[two:] + text[one:two] + text[:one]

    return {
        "one character": lambda text: substituted(text, 1),
        "three characters": lambda text: substituted(text, 3),
        "six characters": lambda text: substituted(text, 6),
        "halves swapped": halves,
        "thirds turned": thirds,
        "a quarter longer": lambda text: text + "".join(draw.choice(characters) for _ in range(len(text) // 4)),
        "a quarter shorter": lambda text: text[: -(len(text) // 4)],
    }


def _found(
    pairs: Iterable[tuple[int, int, float]], texts: list[str], planted: dict[tuple[int, int], str], real: int
) -> dict[str, Any]:
    """Share of each kind of edit that is among the pairs, and the pairs of two real headlines."""
    pairs = list(pairs)
    kinds = Counter(planted[(one, other)] for one, other, _ in pairs if (one, other) in planted)
    others = [(round(float(score), 2), texts[one], texts[other]) for one, other, score in pairs if other < real]
    shares = {kind: round(kinds[kind] / EACH, 3) for kind in dict.fromkeys(planted.values())}
    for score, one, other in others[:SHOWN]:
        print(f"  {score}  {one}  |  {other}")
    return {**shares, "others": len(others)}


if __name__ == "__main__":
    main()
