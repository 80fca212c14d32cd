"""LoRA and its variants: two thin matrices beside every chosen linear layer, the rest frozen."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from torch import nn

from finetrie.errors import CheckpointError, ModelError, suggest
from finetrie.files import replacing_folder, write_json
from finetrie.models.weights import read_tensors, write_tensors
from finetrie.tuning.base import METHODS, seeded

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


@METHODS.register("lora")
@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters. Hu et al. (2021), arXiv:2106.09685.

    The second matrix of each pair starts at zero, so an untrained adapter changes nothing. Its weights are float32 on
    any base: they are under 1 % of the parameters, so the memory is negligible and the small updates are not lost.
    """

    rank: int = 8
    alpha: float = 32.0  # the adapter's output is scaled by alpha / rank
    dropout: float = 0.0  # on the adapter's input, in training only
    targets: Sequence[str] | Literal["all-linear"] = "all-linear"  # "q_proj", "self_attn.q_proj", ...
    rslora: bool = False  # scale by alpha / sqrt(rank); Kalajdzievski (2023), arXiv:2312.03732
    dora: bool = False  # learn magnitude and direction apart; Liu et al. (2024), arXiv:2402.09353

    name: ClassVar[str] = "lora"
    folder: ClassVar[str] = "adapter"

    def prepare(self, model: Any, *, seed: int = 0) -> Any:
        """Freeze `model` and add adapters to `targets`; all-linear is every linear layer but the output head.

        Raises:
            ModelError: a target names no linear layer of this model.
        """
        import peft

        settings = peft.LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=_targets(model, self.targets),
            use_rslora=self.rslora,
            use_dora=self.dora,
            task_type="CAUSAL_LM",
        )
        return _adapted(model, settings, seed=seed)

    def save(self, model: Any, folder: Path) -> Path:
        """Write `adapter_config.json` and `adapter_model.safetensors`, which PEFT and vLLM read."""
        import peft

        settings = model.peft_config["default"].to_dict()
        with replacing_folder(folder) as new:
            # The base's vocabulary is not changed, so PEFT need not compare it with the hub's.
            state = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
            write_tensors(new / WEIGHTS, state)
            write_json(
                new / CONFIG, {key: _sorted(value) for key, value in settings.items()} | {"inference_mode": True}
            )
        return folder

    def load(self, model: Any, folder: Path) -> Any:
        """Add the adapter in `folder`, frozen, to a base model."""
        import peft

        try:
            raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            settings = peft.LoraConfig(**{key: raw[key] for key in _KEPT if key in raw}, inference_mode=True)
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{folder}: no readable adapter: {error}", fix="train again, or copy it whole"
            ) from None
        state = _read(folder / WEIGHTS)
        try:
            adapted = _adapted(model, settings, seed=0)
            report = peft.set_peft_model_state_dict(adapted, state)
        except (ValueError, RuntimeError) as error:
            raise _other_base(folder, str(error).splitlines()[-1].strip()) from None
        missing = [key for key in report.missing_keys if "lora_" in key]
        if missing or report.unexpected_keys:
            raise _other_base(folder, f"it lacks {len(missing)} weights and has {len(report.unexpected_keys)} too many")
        return adapted.eval()


_KEPT = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "use_rslora",
    "use_dora",
    "task_type",
    "rank_pattern",
    "alpha_pattern",
    "bias",
)
"""What of `adapter_config.json` is read back; every other setting keeps PEFT's default, as in `prepare`."""


def _adapted(model: Any, settings: Any, *, seed: int) -> Any:
    import peft

    from finetrie.tuning.quick import quicken

    with seeded(seed), warnings.catch_warnings():
        # PEFT still asks transformers by a name that it has deprecated; nothing the user could do.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = peft.get_peft_model(model, settings, autocast_adapter_dtype=True)
    quicken(adapted)
    return adapted


def linear_layers(model: Any) -> dict[str, nn.Module]:
    """The linear layers of a model by full name, without the output head, which LoRA leaves alone."""
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and module is not head
    }


def _targets(model: Any, wanted: Sequence[str] | str) -> list[str]:
    """Sorted module names as PEFT and vLLM take them; last parts of names, such as `q_proj`, for all-linear."""
    layers = linear_layers(model)
    short = sorted({name.rsplit(".", 1)[-1] for name in layers})
    if wanted == "all-linear":
        return short
    if isinstance(wanted, str):
        wanted = [wanted]
    unknown = [target for target in wanted if not any(name == target or name.endswith(f".{target}") for name in layers)]
    if unknown or not wanted:
        named = ", ".join(f"{target!r}{suggest(target, short)}" for target in unknown) or "nothing"
        raise ModelError(
            f"tuning.targets: {named}: no linear layer of {type(model).__name__} has this name "
            f"(linear layers: {', '.join(short)})",
            fix='name some of these, or use targets = "all-linear"',
        )
    return sorted(set(wanted))


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_tensors(path)
    except ModelError as error:
        raise CheckpointError(f"{error}") from None


def _other_base(folder: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"{folder}: this adapter does not fit the base model: {found}",
        fix="load it on the base it was trained on (manifest.json names it)",
    )


def _sorted(value: Any) -> Any:
    """Sets in a fixed order, so that equal adapters are equal files."""
    return sorted(value) if isinstance(value, (set, frozenset)) else value
