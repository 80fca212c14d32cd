"""A training that can be told to kill itself. A program of its own, because it dies by SIGKILL.

    python -m tests.integration.train_and_die FOLDER METHOD [DIE_AT]

DIE_AT is `step:3` (when step 3 is reported), `file:7` (before the 7th change to the checkpoints' names on disk) or
`write:4` (when half of the 4th tensor file is written). Without it the training runs to its end. The losses of all
steps are appended to FOLDER/losses.txt and the final weights written to FOLDER/final.safetensors.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from finetrie.models import weights as weights_module
from finetrie.training import Settings, StepReport, TriePacks, checkpoint, fit
from finetrie.tuning.full import Full
from finetrie.tuning.lora import Lora
from tests.conftest import tiny_model
from tests.unit.training.rows import make_prompts, mean_loss

METHODS = {"lora": Lora(rank=4, dropout=0.2), "full": Full()}
SETTINGS = Settings(epochs=3, batch_size=4, learning_rate=1e-2, save_every=2, eval_every=3, seed=7)
STEPS = 9


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def die_at_file_change(number: int, folder: Path) -> None:
    """Count every rename, removal and creation under `folder`, by Python's own audit events."""
    seen = 0

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        here = event in ("os.rename", "os.mkdir", "os.rmdir", "open") and str(folder) in str(arguments[0])
        if here or event == "os.remove":  # rmtree removes by bare name
            seen += 1
            if seen == number:
                die()

    sys.addaudithook(audit)


def die_at_half_a_file(number: int) -> None:
    whole = weights_module.write_tensors
    seen = 0

    def half(path: Path, tensors: Any) -> None:
        nonlocal seen
        seen += 1
        whole(path, tensors)
        if seen == number:
            os.truncate(path, path.stat().st_size // 2)
            die()

    checkpoint.write_tensors = half  # type: ignore[attr-defined]


def main(folder: Path, method_name: str, die_at: str = "") -> None:
    torch.set_num_threads(1)
    kind, _, number = die_at.partition(":")
    checkpoints = folder / "checkpoints"
    if kind == "file":
        die_at_file_change(int(number), checkpoints)
    if kind == "write":
        die_at_half_a_file(int(number))
    method = METHODS[method_name]
    model = method.prepare(tiny_model("qwen2"), seed=SETTINGS.seed)
    dev = make_prompts(6, seed=1)
    evaluate: Callable[[], float] = lambda: -mean_loss(model, dev)  # noqa: E731
    events = fit(
        model,
        make_prompts(12),
        settings=SETTINGS,
        objective=TriePacks(budget_tokens=120),
        checkpoints=checkpoints,
        evaluate=evaluate,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for event in events:
        if isinstance(event, StepReport):
            with (folder / "losses.txt").open("a") as losses:
                losses.write(f"{event.step} {event.loss.hex()}\n")
            if kind == "step" and event.step == int(number):
                die()
    weights_module.write_tensors(folder / "final.safetensors", dict(model.named_parameters()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
