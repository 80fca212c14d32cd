"""Laws: what is restored is what was saved; what is not whole is not there; what is another run's is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrie.errors import CheckpointError, OutputError
from finetrie.models.weights import read_tensors, write_tensors
from finetrie.training.checkpoint import OPTIMIZER, STATE, WEIGHTS, Checkpoints, Progress
from finetrie.training.fit import adamw
from finetrie.training.randomness import random_state, restore_random_state, seed_everything

IDENTITY = {"training.learning_rate": "0.0001", "training rows": "a" * 64}


def trained(steps: int = 2, *, seed: int = 0) -> tuple[dict[str, torch.Tensor], torch.optim.AdamW]:
    torch.manual_seed(seed)
    weights = {"a.weight": torch.randn(3, 4, requires_grad=True), "a.bias": torch.randn(3, requires_grad=True)}
    optimizer = adamw(weights, weight_decay=0.1)
    for _ in range(steps):
        step(weights, optimizer)
    return weights, optimizer


def step(weights: dict[str, torch.Tensor], optimizer: torch.optim.AdamW) -> None:
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    loss = sum(((weight - torch.randn_like(weight)) ** 2).sum() for weight in weights.values())
    optimizer.zero_grad()
    torch.as_tensor(loss).backward()
    optimizer.step()


def save(run: Checkpoints, at: int, **progress: Any) -> Path:
    weights, optimizer = trained()
    return run.save(Progress(step=at, **progress), weights=weights, optimizer=optimizer)


def test_a_restored_optimiser_takes_the_same_next_step(tmp_path: Path) -> None:
    weights, optimizer = trained(3)
    run = Checkpoints(tmp_path, IDENTITY)
    run.save(Progress(step=3), weights=weights, optimizer=optimizer)
    step(weights, optimizer)

    again, fresh = trained(0, seed=9)
    run.restore(3, weights=again, optimizer=fresh)
    step(again, fresh)
    assert all(torch.equal(again[name], weight) for name, weight in weights.items())


def test_the_scale_of_fp16_gradients_is_part_of_a_checkpoint(tmp_path: Path) -> None:
    weights, optimizer = trained()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(torch.ones(1))
    run = Checkpoints(tmp_path, IDENTITY)
    run.save(Progress(step=1), weights=weights, optimizer=optimizer, scaler=scaler)
    fresh = torch.amp.GradScaler("cpu", init_scale=2.0)
    run.restore(1, weights=weights, optimizer=optimizer, scaler=fresh)
    assert fresh.state_dict() == scaler.state_dict()


def test_tensors_that_share_memory_are_written_apart(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    write_tensors(tmp_path / "x.safetensors", {"whole": whole, "half": whole[:3], "turned": whole.reshape(2, 3).T})
    read = read_tensors(tmp_path / "x.safetensors")
    assert torch.equal(read["whole"], whole)
    assert torch.equal(read["half"], whole[:3])
    assert torch.equal(read["turned"], whole.reshape(2, 3).T)


def test_all_random_generators_continue_where_they_were() -> None:
    def draw() -> tuple[Any, ...]:
        return random.random(), random.gauss(0, 1), np.random.standard_normal(3).tolist(), torch.randn(2).tolist()

    seed_everything(4)
    draw()
    state, tensors = random_state()
    state = json.loads(json.dumps(state))
    expected = draw(), draw()
    seed_everything(5)
    restore_random_state(state, tensors)
    assert (draw(), draw()) == expected


def test_equal_seeds_start_all_generators_alike() -> None:
    seed_everything(7)
    first = random.random(), float(np.random.rand()), float(torch.rand(1))
    seed_everything(7)
    assert (random.random(), float(np.random.rand()), float(torch.rand(1))) == first


def test_progress_comes_back_as_it_was(tmp_path: Path) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    progress = {"best_step": 10, "best_score": 0.1 + 0.2, "since_best": 2, "finished": "early stopping"}
    save(run, 30, **progress)
    assert run.latest() == Progress(step=30, **progress)  # type: ignore[arg-type]


def test_the_newest_two_and_the_best_stay(tmp_path: Path) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    for at in range(1, 7):
        save(run, at, best_step=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000005", "step-00000006"]


def test_nothing_but_safetensors_and_json_is_written(tmp_path: Path) -> None:
    folder = save(Checkpoints(tmp_path, IDENTITY), 1)
    assert {file.suffix for file in folder.iterdir()} == {".safetensors", ".json"}


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, STATE])
@pytest.mark.parametrize(
    "damage", [Path.unlink, _cut, lambda file: file.write_bytes(b"")], ids=["gone", "cut", "empty"]
)
def test_a_damaged_checkpoint_is_ignored_and_the_one_before_used(tmp_path: Path, name: str, damage: Any) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    save(run, 1)
    damage(save(run, 2) / name)
    latest = run.latest()
    assert latest is not None
    # A state.json without its last newline is still whole.
    assert latest.step == (2 if (name, damage) == (STATE, _cut) else 1)


def test_a_folder_under_construction_is_ignored(tmp_path: Path) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    assert run.latest() is None
    save(run, 2).rename(tmp_path / ".step-00000002.new")
    (tmp_path / "notes.txt").write_text("mine")
    assert run.latest() is None
    save(run, 2)
    assert not (tmp_path / ".step-00000002.new").exists()


def test_another_runs_checkpoint_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, IDENTITY), 5)
    now = {"training.learning_rate": "0.0002", "training rows": "b" * 64, "dev rows": "c"}
    with pytest.raises(CheckpointError) as caught:
        Checkpoints(tmp_path, now).latest()
    message = str(caught.value)
    assert "training.learning_rate: 0.0001 in the checkpoint, 0.0002 now" in message
    assert "training rows: aaaaaaaaaaaa… in the checkpoint, bbbbbbbbbbbb… now" in message
    assert "dev rows: nothing in the checkpoint, c now" in message
    assert str(tmp_path) in message


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    save(run, 1)
    with pytest.raises(CheckpointError, match="other weights"):
        run.restore_weights(1, weights={"a.weight": torch.zeros(3, 5), "a.bias": torch.zeros(3)})


def test_a_full_disk_leaves_the_checkpoint_before_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Checkpoints(tmp_path, IDENTITY)
    save(run, 1)

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("finetrie.models.weights.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        save(run, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert run.latest() == Progress(step=1)
