"""Prompts → optimiser steps → the best weights, as generators: the caller draws, logs and saves.

    >>> from finetrie.training import PaddedBatches, Settings, fit
    >>> for event in fit(model, prompts, settings=Settings(epochs=2), objective=PaddedBatches(rows=4),
    ...                  checkpoints=Path("run/checkpoints"), evaluate=dev_macro_f1):
    ...     print(event)

`fit` is a whole, resumable training; `train_steps` is the bare loop for your own.
"""

from finetrie.training.fit import EvalReport, Event, Finished, Notice, Saved, Started, fit
from finetrie.training.loop import NonFinite, StepReport, train_steps
from finetrie.training.objective import Objective, PaddedBatches, TriePacks
from finetrie.training.order import Order
from finetrie.training.schedule import Schedule
from finetrie.training.settings import Settings

__all__ = [
    "EvalReport",
    "Event",
    "Finished",
    "NonFinite",
    "Notice",
    "Objective",
    "Order",
    "PaddedBatches",
    "Saved",
    "Schedule",
    "Settings",
    "Started",
    "StepReport",
    "TriePacks",
    "fit",
    "train_steps",
]
