"""The number format of forward and backward passes, and Accelerate set up for it."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState

from finetrie.errors import ModelError, suggest
from finetrie.models.precision import DTYPES, dtype_name

_MIXED = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def choose_precision(asked: str, model: Any) -> str:
    """`bf16`, `fp16` or `fp32` for this model; `auto` follows the dtype that the base was loaded in.

    Raises:
        ModelError: no such precision, or fp16 on a device that has no fp16 training.
    """
    if asked not in ("auto", *DTYPES):
        known = ["auto", *DTYPES]
        raise ModelError(f"training.precision = {asked!r}{suggest(asked, known)}; expected one of {', '.join(known)}")
    chosen = _base_precision(model) if asked == "auto" else asked
    device = next(model.parameters()).device
    if chosen == "fp16" and device.type != "cuda":
        raise ModelError(
            f"training.precision = {asked!r}: fp16 training needs a CUDA device, the model is on {device}",
            fix='set model.dtype = "bf16" or "fp32"',
        )
    return chosen


def accelerator_for(precision: str, *, device: torch.device) -> Accelerator:
    """A fresh Accelerator on the model's device.

    Accelerate keeps its state for the whole process and refuses a second run in another precision or on another
    device, so a single process starts from a clean state each time. Processes of a launcher keep theirs.
    """
    alone = not PartialState._shared_state or PartialState().num_processes == 1
    AcceleratorState._reset_state(reset_partial_state=alone)
    return Accelerator(mixed_precision=_MIXED[precision], cpu=device.type == "cpu")


def _base_precision(model: Any) -> str:
    dtype = model.config.dtype or model.dtype  # full tuning keeps float32 master weights of a bf16 base
    name = dtype_name(getattr(torch, dtype) if isinstance(dtype, str) else dtype)
    return name if name in DTYPES else "fp32"
