"""What a baseline is: it is fitted on the training rows of a run, and answers the same test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from finetrie.records import Example, Prediction, Span
from finetrie.tasks.base import Task

if TYPE_CHECKING:  # the engine's package imports torch, which most baselines do without
    from finetrie.inference.engine import Decoding, Engine
    from finetrie.prompts.renderer import Renderer


@dataclass(frozen=True)
class Asker:
    """A language model that was not tuned, and how the run asks: what prompting baselines need."""

    engine: Engine
    renderer: Renderer
    decoding: Decoding = "free"  # which answer to a classification counts
    decodings: tuple[Decoding, ...] = ("argmax", "constrained", "free", "probabilities")  # kept beside it
    max_new_tokens: int = 64  # longest answer of a task that generates


class Fitted(Protocol):
    """A baseline that has seen its training rows."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it cost and what it chose, as JSON: "trainable" parameters, "features", ...

        "shared_seconds", where there are any, are those of work that `fit` found done, for another baseline.
        """

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        """One prediction per example, in order. An example's answer depends on nothing but that example."""


class Baseline(Protocol):
    """A way to solve a task that a tuned model should beat. Its settings are the arguments of its class."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Tasks it can do: "classification", "ner", "instruction"."""

    @property
    def trains(self) -> bool:
        """False: it does not look at training rows, and is the same for any number of them."""

    @property
    def prompts(self) -> bool:
        """True: it asks a language model; see `Asker`."""

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> Fitted:
        """Learn from labelled rows. The same rows and seed give the same answers.

        Args:
            train: at least one labelled row.
            dev: labelled rows to choose by; may be empty.
            asker: loads the language model, for baselines that prompt.

        Raises:
            FinetrieError: the rows or the settings do not allow it.
        """


def offered(example: Example, task: Task[Any]) -> tuple[str, ...]:
    """The labels that a row may be answered with: its own candidates, else the task's."""
    return example.options or task.labels


def chosen_label(example: Example, probabilities: Mapping[str, float]) -> Prediction:
    """The most probable of the row's labels; of equals, the first."""
    answer = max(probabilities, key=probabilities.__getitem__)
    return Prediction(example.id, answer, answer, probability=probabilities[answer], probabilities=probabilities)


def among(candidates: Sequence[str], probabilities: Mapping[str, float]) -> dict[str, float]:
    """Probabilities of the row's candidates alone; equal where nothing is known of any of them."""
    known = {label: probabilities.get(label, 0.0) for label in candidates}
    total = sum(known.values())
    return {label: value / total if total > 0 else 1 / len(known) for label, value in known.items()}


def found_entities(
    example: Example, spans: Sequence[Span], task: Task[Any], details: Mapping[str, Any] | None = None
) -> Prediction:
    """Entities as a prediction, said in the words that a model would use."""
    ordered = tuple(sorted(set(spans)))
    said = Example(example.id, example.text, ordered, example.origin)
    return Prediction(example.id, task.answer(task.target(said)), ordered, details=details or {})
