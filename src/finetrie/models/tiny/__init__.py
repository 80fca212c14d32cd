"""The embedded base model `finetrie/tiny`: a Qwen2-shaped toy for offline use; its README.md is its model card."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def tiny_folder() -> Path:
    """The folder that holds weights, tokenizer and configuration, as `from_pretrained` takes it. Needs no torch."""
    return Path(str(files(__name__).joinpath("config.json"))).parent
