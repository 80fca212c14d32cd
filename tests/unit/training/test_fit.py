"""A whole training: events, choice of the best, early stopping, continuing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrie.errors import CheckpointError, DataError, ModelError
from finetrie.training import (
    EvalReport,
    Event,
    Finished,
    NonFinite,
    Notice,
    PaddedBatches,
    Saved,
    Settings,
    Started,
    StepReport,
    TriePacks,
    fit,
)
from finetrie.tuning import Method
from finetrie.tuning.full import Full
from finetrie.tuning.lora import Lora
from tests.conftest import tiny_model
from tests.unit.training.rows import make_prompts, weights_of

ROWS = make_prompts(10)
QUICK = Settings(epochs=2, batch_size=4, learning_rate=1e-2, save_every=2)  # 3 steps an epoch, 6 in all
DROPOUT = Lora(rank=4, dropout=0.2)


def start(
    folder: Path,
    *,
    settings: Settings = QUICK,
    method: Method = DROPOUT,
    scores: list[float] | None = None,
    **changes: Any,
) -> tuple[Any, Iterator[Event]]:
    model = method.prepare(tiny_model("qwen2"), seed=settings.seed)
    given = iter(scores or [])
    evaluate: Callable[[], float] | None = (lambda: next(given)) if scores is not None else None
    arguments: dict[str, Any] = {"objective": PaddedBatches(rows=4), "evaluate": evaluate, **changes}
    return model, fit(model, ROWS, settings=settings, checkpoints=folder, **arguments)


def finish(folder: Path, **changes: Any) -> tuple[Any, list[Event]]:
    model, events = start(folder, **changes)
    return model, list(events)


def kinds(events: list[Event]) -> str:
    letters = {Started: "(", StepReport: "s", EvalReport: "e", Saved: "w", Notice: "n", Finished: ")"}
    return "".join(letters[type(event)] for event in events)


def test_events_come_in_the_order_in_which_things_happen(tmp_path: Path) -> None:
    _, events = finish(tmp_path, scores=[0.1, 0.2])
    assert kinds(events) == "(" + "s" + "sw" + "sew" + "sw" + "s" + "sew" + ")"


def test_started_says_what_is_ahead(tmp_path: Path) -> None:
    model, events = finish(tmp_path)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert events[0] == Started(1, 6, 3, 10, trained, "fp32")


def test_without_evaluation_the_last_weights_stay(tmp_path: Path) -> None:
    _, events = finish(tmp_path)
    assert events[-1] == Finished(6, None, "completed")


@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.9, 0.1], 3), ([0.1, 0.9], 6), ([0.5, 0.5], 3), ([float("nan"), 0.1], 6), ([-3.0, -2.0], 6)],
    ids=["first", "last", "tie", "not a number", "negative"],
)
def test_the_model_ends_with_the_best_weights(tmp_path: Path, scores: list[float], best: int) -> None:
    model, events = finish(tmp_path / "whole", scores=scores)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.step == best
    other, events = start(tmp_path / "part")
    for event in events:
        if isinstance(event, StepReport) and event.step == best:
            break
    expected = weights_of(other)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.named_parameters())
    assert not model.training


def test_a_score_that_is_no_number_is_noticed(tmp_path: Path) -> None:
    _, events = finish(tmp_path, scores=[float("nan"), float("nan")])
    assert sum(isinstance(event, Notice) for event in events) == 2
    assert events[-1] == Finished(6, None, "completed")


def test_patience_stops_after_evaluations_without_a_gain(tmp_path: Path) -> None:
    settings = replace(QUICK, eval_every=1, patience=2)
    _, events = finish(tmp_path, settings=settings, scores=[0.2, 0.3, 0.3, 0.1, 0.9, 0.9])
    assert events[-1] == Finished(2, 0.3, "early stopping")
    assert [event.step for event in events if isinstance(event, StepReport)] == [1, 2, 3, 4]
    improved = [event.improved for event in events if isinstance(event, EvalReport)]
    assert improved == [True, True, False, False]


def test_a_gain_starts_the_patience_anew(tmp_path: Path) -> None:
    settings = replace(QUICK, eval_every=1, patience=2)
    _, events = finish(tmp_path, settings=settings, scores=[0.2, 0.1, 0.3, 0.1, 0.4, 0.1])
    assert events[-1] == Finished(5, 0.4, "completed")


def test_the_model_is_evaluated_in_eval_mode_and_trained_in_train_mode(tmp_path: Path) -> None:
    modes = []
    model, events = start(
        tmp_path, settings=replace(QUICK, eval_every=2), evaluate=lambda: modes.append(model.training) or 0.0
    )
    for event in events:
        if isinstance(event, StepReport):
            assert model.training
    assert modes == [False] * 3


@pytest.mark.parametrize("method", [DROPOUT, Full(), Lora(rank=4, dora=True)], ids=["dropout", "full", "dora"])
@pytest.mark.parametrize("stop", range(1, 7))
def test_a_run_that_stopped_anywhere_ends_in_the_same_bits(tmp_path: Path, method: Method, stop: int) -> None:
    whole, all_events = finish(tmp_path / "whole", method=method, scores=[0.1, 0.2])
    _, events = start(tmp_path / "cut", method=method, scores=[0.1, 0.2])
    for event in events:
        if isinstance(event, StepReport) and event.step == stop:
            events.close()  # type: ignore[attr-defined]
            break
    torch.manual_seed(12345)  # the second process starts anywhere
    again, rest = finish(tmp_path / "cut", method=method, scores=[0.1, 0.2] if stop <= 3 else [0.2])
    assert all(torch.equal(weight, dict(again.named_parameters())[name]) for name, weight in whole.named_parameters())
    losses = {event.step: event.loss for event in all_events if isinstance(event, StepReport)}
    assert all(losses[event.step] == event.loss for event in rest if isinstance(event, StepReport))
    assert rest[-1] == all_events[-1]


def test_a_bf16_base_continues_in_the_same_bits_too(tmp_path: Path) -> None:
    def adapted() -> Any:
        return DROPOUT.prepare(tiny_model("qwen2").to(torch.bfloat16))

    arguments: dict[str, Any] = {
        "settings": replace(QUICK, precision="bf16"),
        "objective": TriePacks(budget_tokens=200),
    }
    whole, cut, again = adapted(), adapted(), adapted()
    reports = [e for e in fit(whole, ROWS, checkpoints=tmp_path / "whole", **arguments) if isinstance(e, StepReport)]
    assert reports[-1].loss < reports[0].loss
    for event in fit(cut, ROWS, checkpoints=tmp_path / "cut", **arguments):
        if isinstance(event, Saved):
            break
    list(fit(again, ROWS, checkpoints=tmp_path / "cut", **arguments))
    assert all(torch.equal(weight, dict(again.named_parameters())[name]) for name, weight in whole.named_parameters())


def test_a_finished_run_trains_nothing_and_gives_the_best_weights_again(tmp_path: Path) -> None:
    first, _ = finish(tmp_path, scores=[0.9, 0.1])
    again, events = finish(tmp_path, scores=[])
    assert kinds(events) == "(n)"
    assert events[-1] == Finished(3, 0.9, "completed")
    assert all(torch.equal(weight, dict(again.named_parameters())[name]) for name, weight in first.named_parameters())


def test_an_early_stopped_run_stays_stopped(tmp_path: Path) -> None:
    settings = replace(QUICK, eval_every=1, patience=1)
    finish(tmp_path, settings=settings, scores=[0.5, 0.1])
    _, events = finish(tmp_path, settings=settings, scores=[])
    assert events[-1] == Finished(1, 0.5, "early stopping")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"settings": replace(QUICK, learning_rate=1e-3)}, r"training\.learning_rate"),
        ({"settings": replace(QUICK, epochs=3)}, r"training\.epochs"),
        ({"method": Lora(rank=8)}, "model"),
        ({"objective": TriePacks(budget_tokens=99)}, r"training\.objective"),
        ({"identity": {"dev rows": "changed"}}, "dev rows: nothing in the checkpoint, changed now"),
    ],
    ids=["rate", "epochs", "method", "objective", "caller's own"],
)
def test_checkpoints_of_another_run_are_refused(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    finish(tmp_path)
    with pytest.raises(CheckpointError, match=named):
        finish(tmp_path, **change)


def test_other_rows_are_another_run(tmp_path: Path) -> None:
    finish(tmp_path)
    with pytest.raises(CheckpointError, match="training rows"):
        list(
            fit(
                DROPOUT.prepare(tiny_model("qwen2")),
                ROWS[1:],
                settings=QUICK,
                objective=PaddedBatches(rows=4),
                checkpoints=tmp_path,
            )
        )


def test_another_base_is_another_run(tmp_path: Path) -> None:
    finish(tmp_path)
    other = DROPOUT.prepare(tiny_model("qwen2", seed=1))
    with pytest.raises(CheckpointError, match="model"):
        list(fit(other, ROWS, settings=QUICK, objective=PaddedBatches(rows=4), checkpoints=tmp_path))


def test_saving_less_often_is_still_the_same_run(tmp_path: Path) -> None:
    _, events = start(tmp_path)
    for event in events:
        if isinstance(event, Saved):
            break
    _, rest = finish(tmp_path, settings=replace(QUICK, save_every=50))
    assert rest[0].first_step == 3  # type: ignore[union-attr]


def test_a_loss_that_is_no_number_leaves_the_last_checkpoint_good(tmp_path: Path) -> None:
    model, events = start(tmp_path)
    trained = next(weight for weight in model.parameters() if weight.requires_grad)

    def poison_after_saving() -> None:
        for event in events:
            if isinstance(event, Saved):
                trained.data.fill_(float("nan"))

    with pytest.raises(NonFinite, match="training step 3"):
        poison_after_saving()
    whole, _ = finish(tmp_path / "whole")
    again, rest = finish(tmp_path)
    assert rest[0].first_step == 3  # type: ignore[union-attr]
    assert all(torch.equal(weight, dict(again.named_parameters())[name]) for name, weight in whole.named_parameters())


@pytest.mark.parametrize("method", [Lora(rank=4), Full()], ids=["lora", "full"])
def test_gradient_checkpointing_changes_memory_and_not_weights(tmp_path: Path, method: Method) -> None:
    trained = []
    for wanted in (False, True):
        settings = replace(QUICK, gradient_checkpointing=wanted)
        model, _ = finish(
            tmp_path / str(wanted), settings=settings, method=method, objective=TriePacks(budget_tokens=500)
        )
        trained.append(weights_of(model))
        assert not any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
        assert not model.get_input_embeddings()._forward_hooks
    for name, weight in trained[0].items():
        torch.testing.assert_close(trained[1][name], weight, rtol=0, atol=1e-6)


def test_a_second_training_may_use_another_precision(tmp_path: Path) -> None:
    for precision in ("fp32", "bf16", "fp32"):
        _, events = finish(tmp_path / precision, settings=replace(QUICK, precision=precision))
        assert events[0].precision == precision  # type: ignore[union-attr]


def test_fp16_without_cuda_and_unknown_precisions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="fp16 training needs a CUDA device"):
        finish(tmp_path, settings=replace(QUICK, precision="fp16"))
    with pytest.raises(ModelError, match="did you mean 'bf16'"):
        finish(tmp_path, settings=replace(QUICK, precision="bf61"))


def test_rows_that_cannot_be_trained_on_are_refused(tmp_path: Path) -> None:
    model = DROPOUT.prepare(tiny_model("qwen2"))
    arguments: dict[str, Any] = {"settings": QUICK, "objective": PaddedBatches(rows=4), "checkpoints": tmp_path}
    with pytest.raises(DataError, match="no rows"):
        list(fit(model, [], **arguments))
    unlabelled = replace(ROWS[0], supervised=(False,) * len(ROWS[0].ids))
    with pytest.raises(ValueError, match=r"train\.jsonl:1"):
        list(fit(model, [unlabelled], **arguments))


def test_weight_decay_leaves_norms_and_biases_alone(tmp_path: Path) -> None:
    from finetrie.training.fit import adamw

    optimizer = adamw({"w": torch.ones(2, 2), "b": torch.ones(2)}, weight_decay=0.1)
    assert [(group["weight_decay"], group["params"][0].ndim) for group in optimizer.param_groups] == [
        (0.1, 2),
        (0.0, 1),
    ]
