"""Which device a model goes to and which number format its weights have there."""

from __future__ import annotations

from typing import Literal

import torch

from finetrie.errors import ModelError, suggest

Precision = Literal["auto", "bf16", "fp16", "fp32"]

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}

LARGE_ON_CPU = 100_000_000
"""Parameters from which bf16 is taken on a CPU that has it.

Below, a step is bound by the cost of calling operations, not by memory or arithmetic, so bf16 gains nothing and loses
digits; above, it halves the memory and runs on the processor's bf16 units.
"""


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else the first CUDA device, else the CPU.

    Raises:
        ModelError: the device asked for does not exist here.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ModelError(f"device = {device!r}: no such kind of device; expected cpu, cuda or cuda:0") from None
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            f"device = {str(device)!r}: this PyTorch ({torch.__version__}) sees no CUDA device",
            fix="use device = 'cpu', or install the CUDA build of PyTorch",
        )
    return chosen


def choose_dtype(asked: str, *, device: torch.device, parameters: int) -> torch.dtype:
    """The format of the weights; `auto` picks by hardware and by the number of parameters.

    CUDA: bf16 where the device computes in it (compute capability 8.0 and up), else fp16. CPU: bf16 for models of at
    least `LARGE_ON_CPU` parameters where the processor has bf16 instructions, else fp32. Other devices: fp32.

    Raises:
        ModelError: `asked` is not auto, bf16, fp16 or fp32.
    """
    if asked in DTYPES:
        return DTYPES[asked]
    if asked != "auto":
        known = ["auto", *DTYPES]
        raise ModelError(f"dtype = {asked!r}{suggest(asked, known)}; expected one of {', '.join(known)}")
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if major >= 8 else torch.float16
    if device.type == "cpu" and parameters >= LARGE_ON_CPU and cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies bf16 numbers itself (AVX512-BF16 or AMX) instead of emulating it."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private in torch; absent means unknown: no
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def dtype_name(dtype: torch.dtype) -> str:
    """`bf16`, `fp16` or `fp32`; other formats by PyTorch's name."""
    return next((name for name, known in DTYPES.items() if known == dtype), str(dtype).removeprefix("torch."))
