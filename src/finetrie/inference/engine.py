"""What evaluation, serving and baselines see of a model: two questions, answered row by row.

An engine never loses a row. What cannot be answered comes back as a result with its `error`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from finetrie.records import Prompt

Decoding: TypeAlias = Literal["argmax", "constrained", "free", "probabilities"]

DECODINGS: tuple[Decoding, ...] = ("argmax", "constrained", "free", "probabilities")
"""argmax: the most probable label. constrained: greedy among the labels' tokens only. free: what greedy
generation says, in the label set or not. probabilities: the whole distribution over the row's labels."""

Finished: TypeAlias = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class LabelScores:
    """What a model thinks of one row's candidate labels. Fields that were not asked for are None or empty.

    `log_probability` is the joint one, in nats, of a label's tokens and its end token, over the whole
    vocabulary. It holds every candidate when probabilities were asked for, otherwise at least those
    that were needed to prove `argmax`.
    """

    id: str
    argmax: str | None = None
    constrained: str | None = None
    free: str | None = None  # may be outside the label set
    free_finished: Finished | None = None  # "length": the free answer was cut at the token limit
    probabilities: Mapping[str, float] = field(default_factory=dict)  # over the candidates; sums to 1
    log_probability: Mapping[str, float] = field(default_factory=dict)
    mass: float | None = None  # in [0, 1]: probability that the model says one of the candidates
    undecided: float = 0.0  # share of `probabilities` that labels left at 0 could have together, at most
    seconds: float = 0.0  # this row's share of the batches it was part of
    error: str | None = None  # why there is no answer


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model says to one prompt, greedily."""

    id: str
    text: str = ""  # up to the stop token
    token_ids: tuple[int, ...] = ()  # with the stop token, where there is one
    finished: Finished | None = None
    log_probability: float | None = None  # of all of `token_ids` together, in nats
    seconds: float = 0.0  # this row's share of the batches it was part of
    error: str | None = None  # why there is no answer


class Engine(Protocol):
    """Answers prompts. Results come in the order of the prompts, as soon as they are known."""

    def score(
        self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]], *, decodings: Collection[Decoding] = DECODINGS
    ) -> Iterator[LabelScores]:
        """One result per prompt; `labels[i]` are the candidate labels of `prompts[i]`."""

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Iterator[Completion]:
        """One greedy completion per prompt, of at most `max_new_tokens` tokens, the stop token included."""


class Wording(Protocol):
    """What an engine needs of the renderer: labels as tokens, what ends an answer, tokens as text."""

    @property
    def stop_ids(self) -> Collection[int]: ...

    def label_ids(self, label: str) -> tuple[int, ...]:
        """The tokens that answer with `label`, the end token included."""

    def completion(self, ids: Sequence[int]) -> str:
        """Generated tokens as text, up to the first stop token."""
