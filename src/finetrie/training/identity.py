"""What makes a run the same run: the fingerprints that a checkpoint carries and a resumed run must match."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import torch

from finetrie.records import Prompt

SAMPLE = 64
"""Numbers taken of each tensor. Enough to tell two models, two seeds or two dtypes apart, at no cost to speak of."""


def data_fingerprint(prompts: Iterable[Prompt]) -> str:
    """SHA-256 over the tokens and targets of all rows, in order."""
    digest = sha256()
    for prompt in prompts:
        digest.update(len(prompt.ids).to_bytes(8, "big"))
        digest.update(array("q", prompt.ids).tobytes())
        digest.update(bytes(prompt.supervised))
    return digest.hexdigest()


def model_fingerprint(model: Any) -> str:
    """SHA-256 over every parameter's name, shape, dtype, whether it is trained, and a sample of its numbers.

    Taken before training, it covers the base, the tuning method and the seed that its weights were drawn from.
    """
    digest = sha256()
    for name, parameter in model.named_parameters():
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype} {parameter.requires_grad}\n".encode())
        flat = parameter.detach().flatten()
        sample = flat[:: max(1, flat.numel() // SAMPLE)][:SAMPLE]
        digest.update(sample.to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()


def differences(saved: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """One line for everything that two identities disagree on."""
    return [
        f"{name}: {_short(saved.get(name))} in the checkpoint, {_short(now.get(name))} now"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= 40 else f"{value[:12]}…"
