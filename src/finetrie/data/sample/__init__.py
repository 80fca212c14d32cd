"""The embedded data set: invented news briefs, Chinese and English, ten classes, four kinds of entities.

`train.jsonl` and `test.jsonl` hold one row a line:
`{"id", "text", "label", "entities": [{"start", "end", "label", "text"}], "language"}` with half-open offsets in
Unicode code points. `planted.json` says which rows hold planted duplicates, leaks, conflicting labels and fake
personal data. `generator` writes all three.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SPLITS = ("train", "test")


def sample_path(split: str) -> Path:
    """The JSONL file of one split, `"train"` (1,980 rows) or `"test"` (420 rows), wherever the package is installed.

    Raises:
        ValueError: `split` is neither.
    """
    if split not in SPLITS:
        raise ValueError(f"the sample has no split {split!r} (splits: {', '.join(SPLITS)})")
    return _file(f"{split}.jsonl")


def planted_path() -> Path:
    """The JSON file that records every planted fault by row id."""
    return _file("planted.json")


def _file(name: str) -> Path:
    return Path(str(files(__name__).joinpath(name)))
