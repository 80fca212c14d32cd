"""What became of each row that was asked about, and of all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from finetrie.records import Example, Rejection


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """An answer that the recipe did not take."""

    answer: str | None  # as the model gave it; what UTF-8 cannot hold is escaped
    rule: str
    reason: str
    request: str  # key of the request in the cache


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a written row comes from. Nothing in it depends on time or luck, so a repeated run writes the same."""

    recipe: str
    model: str  # as asked for
    served: str | None  # as the server names it
    host: str  # of the server that answered, or was asked in vain
    prompt: str  # hash of the template
    request: str | None  # hash of the last request: its answer's key in the cache; None: nothing was asked
    variant: int  # which of several rows from one source, from 0
    answers: int  # read for this row, refused ones included
    prompt_tokens: int  # of these answers, as far as the server says
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Written:
    """One row asked about: the new row, or the reason why there is none, and what led there."""

    source: Example
    result: Example | Rejection
    provenance: Provenance
    reasoning: str | None = None  # what the model thought before the accepted answer
    refused: tuple[RefusedAnswer, ...] = ()  # answers before it, or all of them
    from_cache: int = field(default=0, compare=False)  # answers that did not have to be paid for now


@dataclass(slots=True)
class Tally:
    """How far it got. Add each `Written` as it comes; print it at any time."""

    rows: Counter[str] = field(default_factory=Counter)  # "written", or the rule of the rejection → rows
    refused: Counter[str] = field(default_factory=Counter)  # rule → answers that were refused
    answers: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def add(self, written: Written) -> None:
        result = written.result
        self.rows[result.rule if isinstance(result, Rejection) else "written"] += 1
        self.refused.update(answer.rule for answer in written.refused)
        self.answers += written.provenance.answers
        self.from_cache += written.from_cache
        self.prompt_tokens += written.provenance.prompt_tokens
        self.answer_tokens += written.provenance.answer_tokens

    def __str__(self) -> str:
        others = ", ".join(f"{rule} {count}" for rule, count in self.rows.most_common() if rule != "written")
        tokens = self.prompt_tokens + self.answer_tokens
        return (
            f"{self.rows['written']} of {self.rows.total()} rows written"
            + (f" ({others})" if others else "")
            + f"; {self.answers} answers, {self.from_cache} of them from the cache; {tokens} tokens"
        )
