"""Full tuning: every weight moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from finetrie.errors import CheckpointError, ModelError
from finetrie.files import replacing_folder
from finetrie.models.weights import read_header, weight_files
from finetrie.tuning.base import METHODS


@METHODS.register("full")
@dataclass(frozen=True, kw_only=True)
class Full:
    """Train every weight.

    A bf16 or fp16 base is trained as float32 master weights, with the forward pass under autocast: 16 bytes a
    parameter (weight, gradient, two of AdamW's) instead of 8, and no update is lost. `save` writes the dtype that
    the base had, so what is measured and served afterwards is what is on disk.
    """

    name: ClassVar[str] = "full"
    folder: ClassVar[str] = "model"

    def prepare(self, model: Any, *, seed: int = 0) -> Any:
        """Make every weight trainable, in float32; nothing is drawn at random, so `seed` has no effect."""
        model.config.dtype = model.dtype  # remembered for `save`
        for parameter in model.parameters():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
        return model

    def save(self, model: Any, folder: Path) -> Path:
        """Write a model folder that transformers and vLLM load; put the tokenizer beside it before you share it."""
        dtype = model.config.dtype or model.dtype
        state = _converted(model.state_dict(), dtype)
        with replacing_folder(folder) as new, _decoding_greedily(model):
            model.save_pretrained(new, state_dict=state)
            model.config.dtype = dtype  # save_pretrained takes it from the master weights
            model.config.save_pretrained(new)
        return folder

    def load(self, model: Any, folder: Path) -> Any:
        """Replace the base's weights by those in `folder`, in the base's dtype."""
        from transformers import AutoModelForCausalLM

        try:
            for file in weight_files(folder):
                read_header(file)
            saved = AutoModelForCausalLM.from_pretrained(
                folder, dtype=model.dtype, use_safetensors=True, trust_remote_code=False
            )
        except (ModelError, OSError, ValueError) as error:
            raise CheckpointError(
                f"{folder}: no readable model: {error}", fix="train again, or copy it whole"
            ) from None
        try:
            model.load_state_dict(saved.state_dict())
        except RuntimeError as error:
            raise CheckpointError(
                f"{folder}: these weights do not fit the base model: {str(error).splitlines()[-1].strip()}",
                fix="load them on the base they were trained from (manifest.json names it)",
            ) from None
        return model.requires_grad_(False).eval()


@contextmanager
def _decoding_greedily(model: Any) -> Iterator[None]:
    """What is saved answers greedily, as it was measured. The base's sampling settings may even be ones that
    transformers reads but refuses to write, as those of Llama-2-chat, and a training must not fail at its end.
    """
    from transformers import GenerationConfig

    kept = model.generation_config
    ends = ("bos_token_id", "eos_token_id", "pad_token_id")
    model.generation_config = GenerationConfig(**{name: getattr(kept, name, None) for name in ends})
    try:
        yield
    finally:
        model.generation_config = kept


def _converted(state: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The state in `dtype`; tensors that share memory still do, so that tied weights are written once."""
    once = {tensor.data_ptr(): tensor.to(dtype) for tensor in state.values() if tensor.is_floating_point()}
    return {name: once.get(tensor.data_ptr(), tensor) for name, tensor in state.items()}
