"""What the tests of the trie share: random rows, and the plain way to everything it computes."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.conftest import tiny_model

VOCABULARY = 23  # small, so that random sequences share prefixes and repeat targets

few_examples = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
many_examples = settings(few_examples, max_examples=50)

Rows = tuple[list[list[int]], list[list[bool]]]


@st.composite
def rows(draw: st.DrawFn, *, most: int = 6) -> Rows:
    """Sequences that branch off each other anywhere, with any supervision but of a first token."""
    token = st.integers(0, VOCABULARY - 1)
    sequences = [draw(st.lists(token, min_size=1, max_size=12))]
    for _ in range(draw(st.integers(0, most - 1))):
        parent = sequences[draw(st.integers(0, len(sequences) - 1))]
        kept = draw(st.integers(0, len(parent)))
        sequences.append(parent[:kept] + draw(st.lists(token, min_size=0 if kept else 1, max_size=8)))
    supervised = [[False, *draw(st.lists(st.booleans(), min_size=len(s) - 1, max_size=len(s) - 1))] for s in sequences]
    return sequences, supervised


def model_of(family: str, **changes: Any) -> Any:
    return tiny_model(family, vocab_size=VOCABULARY, **changes)


def one_by_one(model: Any, sequences: list[list[int]], supervised: list[list[bool]]) -> Tensor:
    """Summed cross-entropy, each row alone: no padding, no packing."""
    total = torch.zeros(())
    for sequence, flags in zip(sequences, supervised, strict=True):
        scores = model(torch.tensor([sequence])).logits[0].log_softmax(-1)
        for position, flag in enumerate(flags):
            if flag:
                total = total - scores[position - 1, sequence[position]]
    return total


def gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    """Gradients of the parameters that train; the model keeps none."""
    model.zero_grad(set_to_none=True)
    if loss.requires_grad:
        loss.backward()
    found = {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
        if p.requires_grad
    }
    model.zero_grad(set_to_none=True)
    return found


def assert_equal_training(model: Any, loss: Tensor, reference: Tensor, *, tolerance: float = 1e-5) -> None:
    """Loss and every gradient agree, relative to the reference's own size.

    A gradient that is nearly zero in exact arithmetic (a key bias, which softmax ignores) is mostly
    rounding: errors are measured against at least a tenth of the largest gradient.
    """
    torch.testing.assert_close(loss, reference, rtol=tolerance, atol=tolerance)
    expected, actual = gradients(model, reference), gradients(model, loss)
    largest = max(float(g.norm()) for g in expected.values())
    for name, gradient in expected.items():
        size = max(float(gradient.norm()), 0.1 * largest, 1e-6)
        error = float((actual[name] - gradient).norm()) / size
        assert error <= tolerance, f"{name}: gradient off by {error:.1e} of its size"
