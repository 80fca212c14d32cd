"""The base model as it is, asked in the words of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.records import Example, Prediction
from finetrie.tasks.base import Task


@BASELINES.register("zero_shot")
@dataclass(frozen=True)
class ZeroShot:
    """The base model before tuning, asked with the prompt of the run."""

    name: ClassVar[str] = "zero_shot"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "ner", "instruction")
    trains: ClassVar[bool] = False
    prompts: ClassVar[bool] = True

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> AskedAsIs:
        return AskedAsIs(loaded(asker, self.name))


def loaded(asker: Callable[[], Asker] | None, name: str) -> Asker:
    """The language model; a caller that brings none has made a mistake."""
    if asker is None:
        raise ValueError(f"{name} asks a language model; give one with asker=")
    return asker()


@dataclass(frozen=True)
class AskedAsIs:
    """A language model that has seen no example."""

    asker: Asker

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"trainable": 0, "prompt_hash": self.asker.renderer.hash}

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        from finetrie.inference.answers import answer  # needs torch, which a list of baselines does not

        asker = self.asker
        yield from answer(
            asker.engine,
            asker.renderer,
            examples,
            decoding=asker.decoding,
            decodings=asker.decodings,
            max_new_tokens=asker.max_new_tokens,
        )
