"""Laws of the loop: only the rows of a step decide it. Then what it reports and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from finetrie.records import Prompt
from finetrie.training import NonFinite, Objective, PaddedBatches, StepReport, TriePacks, train_steps
from finetrie.training.fit import adamw
from finetrie.training.precision import accelerator_for, choose_precision
from finetrie.tuning.full import Full
from finetrie.tuning.lora import Lora
from tests.conftest import FAMILIES, tiny_model
from tests.unit.training.rows import make_prompts, mean_loss, weights_of

WHOLE = PaddedBatches(rows=100)
PACKED = TriePacks(budget_tokens=1000)


def run(
    model: Any,
    groups: Sequence[Sequence[Prompt]],
    objective: Objective = WHOLE,
    *,
    rate: float = 1e-3,
    clip_norm: float = 1.0,
    optimizer: Any = None,
) -> list[StepReport]:
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    steps = train_steps(
        model,
        optimizer or adamw(weights),
        groups,
        objective=objective,
        learning_rate=lambda step: rate,
        clip_norm=clip_norm,
    )
    return list(steps)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("objective", [WHOLE, PACKED], ids=["padded", "trie"])
def test_a_tiny_model_learns_four_rows_by_heart(family: str, objective: Objective) -> None:
    model = Full().prepare(tiny_model(family))
    rows = make_prompts(4)
    reports = run(model, [rows] * 60, objective, rate=1e-2)
    assert reports[0].loss > 3
    assert reports[-1].loss < 0.05
    assert mean_loss(model.eval(), rows) < 0.05


def test_lora_learns_and_leaves_the_base_bit_equal() -> None:
    model = Lora(rank=8).prepare(tiny_model("qwen2"))
    before = weights_of(model)
    reports = run(model, [make_prompts(4)] * 60, rate=2e-2)
    assert reports[-1].loss < reports[0].loss / 2
    moved = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if "lora_" in name}


def test_full_tuning_moves_every_weight() -> None:
    model = Full().prepare(tiny_model("qwen2"))
    before = weights_of(model)
    run(model, [make_prompts(8)] * 2)
    assert all(not torch.equal(weight, before[name]) for name, weight in model.named_parameters())


def test_the_loss_is_the_mean_over_all_target_tokens_of_the_step() -> None:
    rows = make_prompts(7)
    model = Full().prepare(tiny_model("qwen2"))
    expected = mean_loss(model, rows)
    (report,) = run(model, [rows], PaddedBatches(rows=2))
    assert report.loss == pytest.approx(expected, rel=1e-6)
    assert report.target_tokens == sum(len(row.answer_ids) for row in rows)
    assert report.rows == 7


# Signs of tiny gradients decide an Adam step, so weights are compared after SGD.
def after_sgd(objective: Objective, *, family: str = "qwen2", steps: int = 3) -> dict[str, torch.Tensor]:
    model = Full().prepare(tiny_model(family))
    prompts = make_prompts(8 * steps)
    groups = [prompts[8 * step : 8 * step + 8] for step in range(steps)]
    run(model, groups, objective, rate=0.1, optimizer=torch.optim.SGD(model.parameters()))
    return weights_of(model)


@pytest.mark.parametrize(
    "objective",
    [PaddedBatches(rows=1), PaddedBatches(rows=3), PACKED, TriePacks(budget_tokens=60), TriePacks(budget_tokens=1)],
    ids=str,
)
def test_how_a_step_is_divided_changes_nothing(objective: Objective) -> None:
    whole, divided = after_sgd(WHOLE), after_sgd(objective)
    for name, weight in whole.items():
        torch.testing.assert_close(divided[name], weight, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_trie_and_padding_give_the_same_weights(family: str) -> None:
    padded, packed = after_sgd(WHOLE, family=family), after_sgd(PACKED, family=family)
    for name, weight in padded.items():
        torch.testing.assert_close(packed[name], weight, rtol=0, atol=1e-5)


def test_trie_and_padding_give_the_same_adapters_under_adam() -> None:
    trained = []
    for objective in (WHOLE, PACKED):
        model = Lora(rank=4).prepare(tiny_model("qwen2"))
        run(model, [make_prompts(8, seed=seed) for seed in range(3)], objective)
        trained.append(weights_of(model))
    for name, weight in trained[0].items():
        torch.testing.assert_close(trained[1][name], weight, rtol=0, atol=1e-5)


def test_equal_seeds_give_equal_bits() -> None:
    first, second = after_sgd(PACKED), after_sgd(PACKED)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_sharing_computes_fewer_tokens_than_given_and_padding_more() -> None:
    rows = make_prompts(8)
    given = sum(len(row.ids) for row in rows)
    (packed,) = run(Full().prepare(tiny_model("qwen2")), [rows], PACKED)
    (padded,) = run(Full().prepare(tiny_model("qwen2")), [rows], WHOLE)
    assert packed.given_tokens == padded.given_tokens == given
    assert packed.computed_tokens < given < padded.computed_tokens == 8 * max(len(row.ids) for row in rows)
    assert packed.saving > 1 > padded.saving
    assert packed.rows_per_second == 8 / packed.seconds


def test_padded_passes_hold_rows_of_similar_length() -> None:
    parts = PaddedBatches(rows=2).split(make_prompts(9))
    lengths = [len(row.ids) for part in parts for row in part]
    assert [len(part) for part in parts] == [2, 2, 2, 2, 1]
    assert lengths == sorted(lengths, reverse=True)


def test_the_gradient_norm_is_reported_before_clipping_and_clipped_after() -> None:
    rows = make_prompts(4)
    (report,) = run(Full().prepare(tiny_model("qwen2")), [rows], clip_norm=0.0)
    moved: dict[float, float] = {}
    for clip in (0.0, report.grad_norm / 4):
        model = Full().prepare(tiny_model("qwen2"))
        before = weights_of(model)
        (again,) = run(model, [rows], rate=1.0, clip_norm=clip, optimizer=torch.optim.SGD(model.parameters()))
        assert again.grad_norm == pytest.approx(report.grad_norm)
        moved[clip] = torch.cat([(w - before[n]).flatten() for n, w in model.named_parameters()]).norm().item()
    assert moved[0.0] == pytest.approx(report.grad_norm, rel=1e-4)
    assert moved[report.grad_norm / 4] == pytest.approx(report.grad_norm / 4, rel=1e-4)


def test_the_rate_of_each_step_is_the_one_asked_for() -> None:
    model = Full().prepare(tiny_model("qwen2"))
    steps = train_steps(
        model,
        adamw(dict(model.named_parameters())),
        [make_prompts(2)] * 3,
        objective=WHOLE,
        learning_rate=lambda step: step / 1000,
        first_step=5,
    )
    assert [(report.step, report.learning_rate) for report in steps] == [(5, 0.005), (6, 0.006), (7, 0.007)]


class Poisoned:
    """Padding, but rows marked in their text give a loss that is not a number."""

    def split(self, rows: Sequence[Prompt]) -> list[list[Prompt]]:
        return [[row] for row in rows]

    def loss(self, model: Any, rows: Sequence[Prompt]) -> Any:
        loss = WHOLE.loss(model, rows)
        return loss._replace(nats=loss.nats * float("nan")) if rows[0].text == "poison" else loss


def test_a_loss_that_is_no_number_names_step_and_rows_and_moves_nothing() -> None:
    rows = list(make_prompts(4))
    model = Full().prepare(tiny_model("qwen2"))
    bad = [*rows[:2], replace(rows[2], text="poison"), rows[3]]
    weights = adamw(dict(model.named_parameters()))
    steps = train_steps(model, weights, [rows, bad], objective=Poisoned(), learning_rate=lambda step: 1e-3)
    next(steps)
    before = weights_of(model)
    with pytest.raises(
        NonFinite, match=r"training step 2: the loss is not finite .* on rows train\.jsonl:3;"
    ) as caught:
        next(steps)
    assert caught.value.origins == ("train.jsonl:3",)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())


def test_an_infinite_gradient_of_a_finite_loss_is_refused_too() -> None:
    model = Full().prepare(tiny_model("qwen2"))
    model.lm_head.weight.register_hook(lambda gradient: gradient * float("inf"))
    before = weights_of(model)
    with pytest.raises(NonFinite, match="gradient is not finite"):
        run(model, [make_prompts(2)])
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())


def test_bf16_passes_train_float32_weights() -> None:
    model = Full().prepare(tiny_model("qwen2").to(torch.bfloat16))
    assert choose_precision("auto", model) == "bf16"
    steps = train_steps(
        model,
        adamw(dict(model.named_parameters())),
        [make_prompts(4)] * 40,
        objective=PACKED,
        learning_rate=lambda step: 1e-2,
        accelerator=accelerator_for("bf16", device=torch.device("cpu")),
    )
    assert list(steps)[-1].loss < 0.2
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
