"""Is packing exact for this model? Asked at start-up, of the user's own rows, before anything is trained.

First what the configuration rules out, because two short rows cannot show it; then the experiment.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from finetrie.trie.attention import Attention, choices, compute_dtype, transformer, window
from finetrie.trie.loss import pack_loss
from finetrie.trie.pack import pack
from finetrie.trie.padded import padded_loss

EXCERPT = 96  # tokens kept of each end of a probed row
ATTENDS = {"full_attention", "sliding_attention", "chunked_attention"}

TOLERANCE = {  # largest relative error of loss and of gradients that is still rounding
    torch.float64: (1e-4, 1e-3),  # losses are computed in float32
    torch.float32: (1e-4, 1e-3),
    torch.float16: (5e-3, 5e-2),
    torch.bfloat16: (2e-2, 1e-1),
}


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether packs and padded batches train this model alike."""

    exact: bool
    attention: Attention  # for `pack_loss`: "auto", or "dense" where only the plain mask is exact
    loss_error: float  # worst relative error of the loss; NaN when the experiment did not run
    gradient_error: float  # worst relative error of all gradients together; 0 when nothing trains
    reason: str  # what is not exact, in a few words; "" when every way is
    message: str  # one sentence for the user


def parity_probe(
    model: Any, sequences: Sequence[Sequence[int]], supervised: Sequence[Sequence[bool]], *, rows: int = 3
) -> Parity:
    """Compare packed and padded training on a few short rows of the user's data.

    Pass every row that will be trained on: `rows` of the shortest supervised ones are computed, but the
    longest counts too, since a window that it outgrows makes packing wrong. Dropout is off meanwhile;
    the model's mode, gradients and the random state are afterwards as they were.

    A model that cannot do it at all is an answer, not an exception.
    """
    if reason := obstacle(model, longest=max(map(len, sequences), default=0)):
        return _failed(reason)
    chosen = _short_rows(sequences, supervised, rows=rows)
    if not chosen:
        return _failed("no row has a supervised token")
    few, flags = [row for row, _ in chosen], [flag for _, flag in chosen]
    with _undisturbed(model):
        try:
            reference = _measured(model, padded_loss(model, few, flags))
        except Exception as error:  # then training fails too, and says so better than a probe can
            return _failed(f"the padded batch raised {type(error).__name__}: {_first_line(error)}")
        ways = {way: _compared(model, few, flags, reference, attention=way) for way in choices(transformer(model))}
    worst = max(ways.values(), key=lambda parity: (not parity.exact, parity.gradient_error))
    if worst.exact:
        return replace(worst, attention="auto")
    return replace(ways["dense"], reason=worst.reason) if ways["dense"].exact else ways["dense"]


def obstacle(model: Any, *, longest: int) -> str | None:
    """Why rows of up to `longest` tokens cannot be packed, as far as the configuration says."""
    inner = transformer(model)
    config = inner.config.get_text_config()
    adapter = getattr(model, "active_peft_config", None)
    if getattr(adapter, "is_prompt_learning", False):
        return f"{type(adapter).__name__} puts virtual tokens before each row"
    if "position_ids" not in inspect.signature(inner.forward).parameters:
        return f"{type(inner).__name__} takes no positions (recurrent, or biased by distance in the row)"
    if getattr(config, "alibi", False):
        return f"{type(inner).__name__} biases attention by distance in the row (ALiBi)"
    other = set(getattr(config, "layer_types", None) or ()) - ATTENDS
    if other:
        return f"{type(inner).__name__} has layers that carry state along the row ({', '.join(sorted(other))})"
    reach = window(inner)
    if reach is not None and longest > reach:
        return f"a row of {longest} tokens is longer than the model's attention window of {reach}"
    return _stretched(config, longest)


def _stretched(config: Any, longest: int) -> str | None:
    """Rotary scalings that depend on the longest row of a batch tie rows together."""
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kind = rope.get("rope_type", "default") if isinstance(rope, dict) else "default"
    if kind not in ("dynamic", "longrope"):
        return None
    trained = rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
    trained = trained or config.max_position_embeddings
    if longest <= trained:
        return None
    return f"beyond {trained} tokens its rotary positions ({kind}) depend on the longest row of a batch"


def _short_rows(
    sequences: Sequence[Sequence[int]], supervised: Sequence[Sequence[bool]], *, rows: int
) -> list[tuple[list[int], list[bool]]]:
    """Distinct short rows, the middle of long ones left out; two of them at least, so that the trie branches."""
    order = sorted((i for i, flags in enumerate(supervised) if any(flags)), key=lambda i: len(sequences[i]))
    found: dict[tuple[int, ...], tuple[list[int], list[bool]]] = {}
    for index in order:
        ids, flags = _ends(sequences[index]), _ends(supervised[index])
        if any(flags):
            found.setdefault(tuple(ids), (ids, flags))
        if len(found) == rows:
            break
    if len(found) == 1:  # one row, or many equal ones: a second branch is its beginning with a repeated end
        ((ids, flags),) = found.values()
        half = max(1, len(ids) // 2)
        return [(ids, flags), ([*ids[:half], *ids[:1], *ids[half:]], [*flags[:half], False, *flags[half:]])]
    return list(found.values())


def _ends(values: Sequence[Any]) -> list[Any]:
    return list(values) if len(values) <= 2 * EXCERPT else [*values[:EXCERPT], *values[-EXCERPT:]]


def _compared(
    model: Any,
    sequences: list[list[int]],
    supervised: list[list[bool]],
    reference: tuple[float, list[Tensor | None]],
    *,
    attention: Attention,
) -> Parity:
    expected_loss, expected = reference
    try:
        loss, actual = _measured(model, pack_loss(model, pack(sequences, supervised), attention=attention))
    except Exception as error:  # whatever a foreign model does with a pack, padding still works
        return _failed(f"a pack raised {type(error).__name__}: {_first_line(error)}")
    loss_error = abs(loss - expected_loss) / max(abs(expected_loss), 1e-6)
    gradient_error = _relative(actual, expected)
    allowed = _tolerance(compute_dtype(transformer(model)))
    if loss_error <= allowed[0] and gradient_error <= allowed[1]:  # false for NaN
        message = f"packed and padded rows train alike (loss within {loss_error:.0e}, gradients {gradient_error:.0e})"
        return Parity(True, attention, loss_error, gradient_error, "", message)
    found = f"a pack changes the loss by {loss_error:.1e} and the gradients by {gradient_error:.1e}"
    return replace(_failed(found), loss_error=loss_error, gradient_error=gradient_error)


def _tolerance(dtype: torch.dtype) -> tuple[float, float]:
    if dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":  # TF32, about as rough as fp16
        return TOLERANCE[torch.float16]
    return TOLERANCE.get(dtype, TOLERANCE[torch.bfloat16])


def _failed(reason: str) -> Parity:
    message = f"sharing prompts between rows is not exact for this model: {reason}"
    return Parity(False, "auto", math.nan, math.nan, reason, message)


def _measured(model: Any, loss: Tensor) -> tuple[float, list[Tensor | None]]:
    """The loss and the gradients of what trains; the model keeps none."""
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    trained = [p for p in model.parameters() if p.requires_grad]
    gradients = [p.grad for p in trained]
    for parameter in trained:
        parameter.grad = None
    return loss.item(), gradients


def _relative(actual: Sequence[Tensor | None], expected: Sequence[Tensor | None]) -> float:
    """‖actual - expected‖ / ‖expected‖ over all gradients together; 0 where there are none."""
    difference = size = 0.0
    for a, e in zip(actual, expected, strict=True):
        if a is None and e is None:
            continue
        left = torch.zeros_like(e) if a is None and e is not None else a
        right = torch.zeros_like(a) if e is None and a is not None else e
        assert left is not None
        assert right is not None
        difference += (left.float() - right.float()).square().sum().item()
        size += right.float().square().sum().item()
    return math.sqrt(difference / size) if size else math.sqrt(difference)


@contextmanager
def _undisturbed(model: Any) -> Iterator[None]:
    """Dropout off; afterwards modes, gradients and random state are those of before."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    device = transformer(model).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            model.eval()
            for parameter, _ in gradients:
                parameter.grad = None
            with torch.enable_grad():
                yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            for module, training in modes:
                module.training = training


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
