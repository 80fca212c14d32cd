"""An encoder of the BERT family with a new head: what most people would train in place of a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker, among, chosen_label, found_entities, offered
from finetrie.baselines.linear import text_of
from finetrie.data.strata import nested_order
from finetrie.errors import ConfigError
from finetrie.evaluation.measuring import headline, measure
from finetrie.records import Example, Prediction
from finetrie.tasks.base import Task

if TYPE_CHECKING:
    from finetrie.baselines.bert.sources import Encoder as Loaded
    from finetrie.baselines.bert.training import Schedule
    from finetrie.baselines.bert.windows import Window

DEV_ROWS = 500
"""Dev rows that an epoch is judged on, at most: a stratified sample, because files are often sorted by label."""

TOKENS = 256


@BASELINES.register("encoder")
@dataclass(frozen=True)
class Encoder:
    """An encoder of the BERT family, fine-tuned: `model` from a folder or hub, else a small one trained from nothing.

    Args:
        model: a folder, hf:owner/name, ms:owner/name or owner/name; safetensors only.
        max_tokens: of one reading. Texts beyond it are cut for classification (their predictions say so), and read in
            overlapping windows for entities.
        epochs, learning_rate, batch_size: of the training; by default 4, 5e-5 and 16; 8, 3e-3 and 32 for the small one.
    """

    model: str | None = None
    max_tokens: int = TOKENS
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None

    name: ClassVar[str] = "encoder"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "ner")
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for setting, least in (("max_tokens", 8), ("epochs", 1), ("batch_size", 1)):
            value = getattr(self, setting)
            if value is not None and value < least:
                raise ConfigError(f"encoder: {setting}: expected at least {least}, got {value}")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise ConfigError(f"encoder: learning_rate: expected a number above 0, got {self.learning_rate}")

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> FittedEncoder:
        from finetrie.baselines.bert.sources import load_encoder, small_encoder
        from finetrie.baselines.bert.training import seeded
        from finetrie.models.precision import choose_device

        tokens = task.name == "ner"
        classes = 1 + 2 * len(task.labels) if tokens else len(task.labels)
        with seeded(seed):
            if self.model is None:
                loaded = small_encoder([text_of(row) for row in train], classes=classes, tokens=tokens)
            else:
                loaded = load_encoder(self.model, classes=classes, tokens=tokens)
            loaded.model.to(choose_device())
            fitted = FittedEncoder(loaded, task, min(self.max_tokens, loaded.longest), {})
            judges = [dev[i] for i in nested_order(dev, kind=task.name, seed=f"{seed}:encoder")[:DEV_ROWS]]
            facts = _trained(fitted, train, judges, self._schedule(loaded), seed)
        return FittedEncoder(fitted.encoder, task, fitted.longest, facts)

    def _schedule(self, loaded: Loaded) -> Schedule:
        from finetrie.baselines.bert.training import Schedule

        epochs, rate, rows = (8, 3e-3, 32) if loaded.fresh else (4, 5e-5, 16)
        return Schedule(self.epochs or epochs, self.learning_rate or rate, self.batch_size or rows)


@dataclass(frozen=True)
class FittedEncoder:
    """An encoder that has been fine-tuned."""

    encoder: Loaded
    task: Task[Any]
    longest: int  # tokens of one reading
    facts: Mapping[str, Any]

    @property
    def padding(self) -> int:
        return int(self.encoder.tokenizer.pad_token_id or 0)

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        if not examples:
            return iter(())
        return self._entities(examples) if self.task.name == "ner" else self._labels(examples)

    def read(self, examples: Sequence[Example]) -> list[Window]:
        """The rows as windows: one each, or as many as it takes to see every entity."""
        from finetrie.baselines.bert.windows import beginnings, windows

        tokenizer = self.encoder.tokenizer
        if self.task.name == "ner":
            return windows(tokenizer, [row.text for row in examples], longest=self.longest)
        return beginnings(tokenizer, [text_of(row) for row in examples], longest=self.longest)

    def _labels(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        from finetrie.baselines.bert.training import logits
        from finetrie.baselines.bert.windows import read_to

        read = self.read(examples)
        scores = logits(self.encoder.model, read, padding=self.padding)
        for example, window, row in zip(examples, read, scores, strict=True):
            candidates = offered(example, self.task)
            known = dict(zip(self.task.labels, row.softmax(-1).tolist(), strict=True))
            prediction = chosen_label(example, among(candidates, known))
            text, end = text_of(example), read_to(window)
            details = {"read": {"characters": end, "of": len(text)}} if text[end:].strip() else {}
            yield replace(prediction, details=details)

    def _entities(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        from finetrie.baselines.bert.training import logits
        from finetrie.baselines.bert.windows import entities, merged

        read = self.read(examples)
        classes = [row.argmax(-1).tolist() for row in logits(self.encoder.model, read, padding=self.padding)]
        for text, group in groupby(zip(read, classes, strict=True), key=lambda pair: pair[0].text):
            parts = [(window.places, found) for window, found in group]
            together = list(merged(parts))
            found = entities([place for place, _ in together], [one for _, one in together], self.task.labels)
            details = {"windows": len(parts)} if len(parts) > 1 else {}
            yield found_entities(examples[text], found, self.task, details)


def _trained(
    fitted: FittedEncoder, train: Sequence[Example], dev: Sequence[Example], schedule: Schedule, seed: int
) -> dict[str, Any]:
    """Train the encoder in place; what it cost and what was chosen."""
    from finetrie.baselines.bert import training

    read = fitted.read(train)
    labels, facts = _entity_classes(fitted, train, read) if fitted.task.name == "ner" else _classes(fitted, train)

    def score() -> float:
        return headline(measure(fitted.task, dev, list(fitted.predict(dev)), resamples=100))[1]

    epoch, reached = training.train(
        fitted.encoder.model,
        read,
        labels,
        schedule=schedule,
        padding=fitted.padding,
        seed=seed,
        score=score if dev else None,
    )
    return {
        "trainable": sum(p.numel() for p in fitted.encoder.model.parameters()),
        "encoder": fitted.encoder.told,
        "epochs": schedule.epochs,
        "best_epoch": epoch,
        "dev_score": reached,
        "learning_rate": schedule.learning_rate,
        "max_tokens": fitted.longest,
        **facts,
    }


def _classes(fitted: FittedEncoder, train: Sequence[Example]) -> tuple[list[int], dict[str, Any]]:
    number = {label: i for i, label in enumerate(fitted.task.labels)}
    return [number[fitted.task.target(example)] for example in train], {}


def _entity_classes(
    fitted: FittedEncoder, train: Sequence[Example], read: Sequence[Window]
) -> tuple[list[list[int]], dict[str, Any]]:
    """Classes of the tokens of each window; and how many entities token labels cannot say."""
    from finetrie.baselines.bert.windows import flat, token_labels

    gold = [example.target if isinstance(example.target, tuple) else () for example in train]
    spans = [flat(line) for line in gold]
    labels = [token_labels(window.places, spans[window.text], fitted.task.labels) for window in read]
    overlapping = sum(len(set(line)) for line in gold) - sum(map(len, spans))
    return labels, {"overlapping_entities_left_out": overlapping, "windows": len(read)}
