"""The quick dropout is a dropout: right shares, right scale, right gradient, drawn from torch's generator."""

from __future__ import annotations

import pytest
import torch

from finetrie.tuning.dropout import QuickDropout


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("place", range(4))
def test_each_element_is_dropped_with_the_probability(p: float, place: int) -> None:
    """Four elements share a random number, so each of the four places is looked at."""
    torch.manual_seed(0)
    output = QuickDropout(p)(torch.ones(400_000)).view(-1, 4)[:, place]
    assert (output == 0).float().mean().item() == pytest.approx(p, abs=0.005)  # 3 standard deviations at most
    assert output.max().item() == pytest.approx(1 / (1 - p), rel=1e-3)


def test_the_gradient_passes_where_the_input_passed() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 7, requires_grad=True)
    output = QuickDropout(0.5)(x)
    output.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x.detach(), output.detach())


def test_evaluation_changes_nothing_and_equal_seeds_draw_equally() -> None:
    x = torch.randn(5, 3, dtype=torch.bfloat16)
    assert QuickDropout(0.5).eval()(x) is x
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(QuickDropout(0.5)(x))
    assert torch.equal(*drawn)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(1)
    kept = (QuickDropout(0.5)(torch.ones(200_000)) > 0).float().view(-1, 4)
    correlation = torch.corrcoef(kept.T) - torch.eye(4)
    assert correlation.abs().max().item() < 0.02
