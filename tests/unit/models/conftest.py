"""Model folders as users have them: real tiny models with the byte tokenizer, saved by transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import tiny_model


@pytest.fixture
def model_folder(tmp_path: Path, byte_tokenizer: Any) -> Callable[..., Path]:
    """Saves a tiny model of a family, with its tokenizer, under tmp_path and gives the folder."""

    def save(family: str = "qwen2", *, name: str = "base", shard: str = "50MB", **changes: Any) -> Path:
        folder = tmp_path / name
        tiny_model(family, **changes).save_pretrained(folder, max_shard_size=shard)
        byte_tokenizer.save_pretrained(folder)
        return folder

    return save
