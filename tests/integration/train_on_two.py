"""A training for `torch.distributed.run`: each process writes its final weights to OUT-RANK.safetensors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from finetrie.models.weights import write_tensors
from finetrie.training import Settings, StepReport, TriePacks, fit
from finetrie.tuning.lora import Lora
from tests.conftest import tiny_model
from tests.unit.training.rows import make_prompts


def main(out: str) -> None:
    torch.set_num_threads(1)
    model = Lora(rank=4).prepare(tiny_model("qwen2"))
    settings = Settings(epochs=2, batch_size=4, learning_rate=1e-3)
    events = fit(
        model,
        make_prompts(9),  # the last group of an epoch is one row: nothing is left for the second process
        settings=settings,
        objective=TriePacks(budget_tokens=60),
        checkpoints=Path(f"{out}-checkpoints"),
        evaluate=lambda: 0.5,
    )
    losses = torch.tensor([event.loss for event in events if isinstance(event, StepReport)])
    rank = os.environ.get("RANK", "0")
    write_tensors(Path(f"{out}-{rank}.safetensors"), {**dict(model.named_parameters()), "losses": losses})


if __name__ == "__main__":
    main(sys.argv[1])
