"""Tensors on disk: safetensors and nothing else, because unpickling a file runs the code in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from finetrie.errors import ModelError, OutputError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file says about itself; read without touching the weights."""

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        return sum(prod(shape) for shape in self.shapes.values())


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write `tensors` to a new file. Put it into a `replacing_folder` so that nobody sees half of it.

    Raises:
        OutputError: the disk is full or the folder is not writable.
    """
    plain: dict[str, Tensor] = {}
    stores: set[int] = set()
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous()
        store = flat.untyped_storage().data_ptr()
        plain[name] = flat.clone() if store in stores else flat  # the format refuses shared memory
        stores.add(store)
    try:
        save_file(plain, path, metadata={"format": "pt"})
    except (SafetensorError, OSError) as error:
        raise OutputError(
            f"{path}: cannot write: {error}", fix="free some space or choose another folder (--out)"
        ) from error


def read_tensors(path: Path, *, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """All tensors of a file, by name.

    Raises:
        ModelError: the file is missing, cut off or not safetensors.
    """
    try:
        return dict(load_file(path, device=str(device)))
    except (SafetensorError, OSError) as error:
        raise _broken(path, error) from None


def read_header(path: Path) -> Header:
    """Names and shapes; checks that the file is as long as they need.

    Raises:
        ModelError: the file is missing, cut off or not safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return Header({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _broken(path, error) from None


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model folder: one, or every shard that its index names.

    Raises:
        ModelError: there are none, a shard is missing, or there are only pickle files.
    """
    if (folder / INDEX).is_file():
        return _shards(folder)
    if (folder / SINGLE).is_file():
        return (folder / SINGLE,)
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        raise ModelError(
            f"{folder}: its weights are in {pickles[0]}, a pickle file, and reading one can run any code in it; "
            f"expected {SINGLE}",
            fix="take a safetensors version of the model, or convert this one on a machine where you trust it: "
            'python -c "from transformers import AutoModelForCausalLM as M; '
            f"M.from_pretrained('{folder}', use_safetensors=False).save_pretrained('CONVERTED')\"",
        )
    raise ModelError(
        f"{folder}: no weights; expected {SINGLE}, or {INDEX} and its shards",
        fix="download the model again, with its *.safetensors files",
    )


def _shards(folder: Path) -> tuple[Path, ...]:
    try:
        names = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        shards = tuple(folder / name for name in sorted(set(names)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / INDEX}: not a weight index: {error}", fix="download the file again") from None
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing:
        raise ModelError(
            f"{folder}: {len(missing)} of {len(shards)} weight files are missing: {', '.join(missing)}",
            fix="download the model again; the download was not complete",
        )
    return shards


def _broken(path: Path, error: Exception) -> ModelError:
    found = "no such file" if isinstance(error, FileNotFoundError) else f"not a whole safetensors file ({error})"
    return ModelError(f"{path}: {found}", fix="download or copy the file again; it may have been cut off")
