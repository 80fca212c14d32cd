"""The state of every random generator, as tensors and JSON: no pickle."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed_everything(seed: int) -> None:
    """Start Python's, NumPy's and PyTorch's global generators from `seed`."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # all CUDA devices too


def random_state() -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `restore_random_state` needs: a small JSON value, and integer tensors."""
    version, internal, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state = {
        "python": [version, gauss],
        "numpy": [kind, int(position), int(has_gauss), float(cached)],
    }
    tensors = {
        "python": torch.tensor(internal, dtype=torch.int64),
        "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64)),
        "cpu": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        tensors |= {f"cuda:{index}": value for index, value in enumerate(torch.cuda.get_rng_state_all())}
    return state, tensors


def restore_random_state(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Continue all generators where they were; devices that did not exist then keep their state."""
    version, gauss = state["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), gauss))
    kind, *rest = state["numpy"]
    np.random.set_state((kind, tensors["numpy"].numpy().astype(np.uint32), *rest))
    torch.set_rng_state(tensors["cpu"])
    for index in range(torch.cuda.device_count()):
        if (name := f"cuda:{index}") in tensors:
            torch.cuda.set_rng_state(tensors[name], index)
