"""The base model as it is, with a few solved examples before the question.

Examples stand as earlier turns of the conversation, after the instruction. Random ones are the same for every row,
so all prompts begin alike and the engine computes that beginning once; nearest ones are chosen for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from finetrie.baselines import BASELINES
from finetrie.baselines.base import Asker
from finetrie.baselines.linear import text_of
from finetrie.baselines.zero_shot import loaded
from finetrie.data.strata import nested_order
from finetrie.data.tfidf import fit_vectorizer
from finetrie.errors import ConfigError
from finetrie.records import Example, Message, Prediction, Prompt, Shortening, Unparsed
from finetrie.tasks.base import Ranges, Task

if TYPE_CHECKING:
    from finetrie.prompts.renderer import Renderer

FEATURES = 200_000
BLOCK = 256
"""Rows compared with all training rows at a time."""


@BASELINES.register("few_shot")
@dataclass(frozen=True)
class FewShot:
    """The base model before tuning, with `k` training rows as examples: "random" (the same ones always) or "nearest".

    Where not all of them fit into the token budget beside the row's own text, fewer are shown, and the row says so.
    """

    k: int = 4
    choose: Literal["random", "nearest"] = "random"

    name: ClassVar[str] = "few_shot"
    kinds: ClassVar[tuple[str, ...]] = ("classification", "ner", "instruction")
    trains: ClassVar[bool] = True
    prompts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError(
                f"few_shot: k: expected at least 1 example, got {self.k}", fix="without examples it is zero_shot"
            )

    def fit(
        self,
        train: Sequence[Example],
        *,
        dev: Sequence[Example],
        task: Task[Any],
        seed: int,
        asker: Callable[[], Asker] | None = None,
    ) -> AskedWithExamples:
        order = nested_order(train, kind=task.name, seed=f"{seed}:few_shot")
        if self.choose == "random":
            pick: Pick = Fixed(tuple(train[i] for i in order[: self.k]))
        else:
            pick = Nearest.of([train[i] for i in order], self.k)
        asked = loaded(asker, self.name)
        return AskedWithExamples(asked, asked.renderer.with_task(Shown(task)), pick, min(self.k, len(train)))


Pick = Callable[[Sequence[Example]], list[tuple[Example, ...]]]
"""Rows → the examples for each, the best first."""


@dataclass(frozen=True)
class Fixed:
    """The same examples for every row."""

    examples: tuple[Example, ...]

    def __call__(self, rows: Sequence[Example]) -> list[tuple[Example, ...]]:
        return [self.examples] * len(rows)


@dataclass(frozen=True)
class Nearest:
    """The training rows whose text is most alike: cosine of TF-IDF vectors of character n-grams."""

    train: Sequence[Example]
    vectorizer: Any
    matrix: Any
    k: int

    @classmethod
    def of(cls, train: Sequence[Example], k: int) -> Nearest:
        texts = [text_of(example) for example in train]
        vectorizer = fit_vectorizer(texts, features=FEATURES)
        return cls(train, vectorizer, vectorizer.transform(texts), k)

    def __call__(self, rows: Sequence[Example]) -> list[tuple[Example, ...]]:
        chosen: list[tuple[Example, ...]] = []
        for start in range(0, len(rows), BLOCK):
            vectors = self.vectorizer.transform([text_of(row) for row in rows[start : start + BLOCK]])
            alike = (vectors @ self.matrix.T).toarray()
            best = np.argsort(-alike, axis=1, kind="stable")[:, : self.k]
            chosen += [tuple(self.train[i] for i in line) for line in best.tolist()]
        return chosen


@dataclass(frozen=True)
class AskedWithExamples:
    """A language model that is shown examples."""

    asker: Asker
    renderer: Renderer
    pick: Pick
    k: int  # examples, where the token budget allows

    @property
    def facts(self) -> Mapping[str, Any]:
        facts = {"trainable": 0, "examples": self.k, "prompt_hash": self.renderer.hash}
        if isinstance(self.pick, Fixed):
            facts["shown"] = [example.id for example in self.pick.examples]
        return facts

    def predict(self, examples: Sequence[Example]) -> Iterator[Prediction]:
        from finetrie.inference.answers import answer  # needs torch, which a list of baselines does not

        asker, shown = self.asker, self._fitting(examples, self.pick(examples))
        asked = [self._with(example, few) for example, few in zip(examples, shown, strict=True)]
        predictions = answer(
            asker.engine,
            self.renderer,
            asked,
            decoding=asker.decoding,
            decodings=asker.decodings,
            max_new_tokens=asker.max_new_tokens,
        )
        for prediction, few in zip(predictions, shown, strict=True):
            details: dict[str, Any] = {"examples": [example.id for example in few]}
            if len(few) < self.k:
                details["examples_left_out"] = self.k - len(few)
            yield replace(prediction, details={**prediction.details, **details})

    def _fitting(self, rows: Sequence[Example], picked: Sequence[Sequence[Example]]) -> list[Sequence[Example]]:
        """As many of the examples as leave each row's text as it is without any."""
        alone = [_kept(rendered) for rendered in self.renderer.render_many(rows, labelled=False)]
        shown: list[Sequence[Example]] = list(picked)
        open_rows = list(range(len(rows)))
        while open_rows := [i for i in open_rows if shown[i]]:
            asked = [self._with(rows[i], shown[i]) for i in open_rows]
            rendered = self.renderer.render_many(asked, labelled=False)
            open_rows = [i for i, one in zip(open_rows, list(rendered), strict=True) if _kept(one) != alone[i]]
            for i in open_rows:
                shown[i] = shown[i][:-1]
        return shown

    def _with(self, row: Example, examples: Sequence[Example]) -> Example:
        """The row after its examples, the best of them last: models heed most what they read last."""
        turns = [turn for example in reversed(examples) for turn in self._turns(example)]
        return replace(row, history=(*turns, *row.history))

    def _turns(self, example: Example) -> list[Message]:
        task = self.renderer.task
        asked = task.messages(
            example.text, options=example.options, instruction=example.instruction, history=example.history
        )
        question = [message for message in asked if message["role"] != "system"]
        return [*question, {"role": "assistant", "content": task.answer(task.target(example))}]


def _kept(rendered: object) -> Shortening | str | None:
    """What the budget left of a row's text; "nothing" where the row does not fit."""
    return rendered.shortening if isinstance(rendered, Prompt) else "nothing"


@dataclass(frozen=True)
class Shown:
    """A task whose earlier turns stand after its instruction, where examples belong."""

    task: Task[Any]

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self.task.labels

    @property
    def closed(self) -> bool:
        return self.task.closed

    def messages(
        self,
        text: str,
        *,
        options: Sequence[str] | None = None,
        instruction: str | None = None,
        history: Sequence[Message] = (),
    ) -> list[Message]:
        asked = self.task.messages(text, options=options, instruction=instruction)
        lead = list(takewhile(lambda message: message["role"] == "system", asked))
        return [*lead, *history, *asked[len(lead) :]]

    def target(self, example: Example) -> Any:
        return self.task.target(example)

    def clip(self, example: Example, kept: Ranges) -> Any:
        return self.task.clip(example, kept)

    def answer(self, target: Any) -> str:
        return self.task.answer(target)

    def parse(self, completion: str) -> Any | Unparsed:
        return self.task.parse(completion)

    def describe(self) -> dict[str, Any]:
        return {**self.task.describe(), "examples": "after the instruction"}
