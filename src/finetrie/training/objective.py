"""How the rows of one optimiser step become forward passes, and what a pass costs and says.

Both ways compute the same number, the SUM of the negative log-likelihood over supervised tokens, so the loop can
divide by the count of the whole step. `TriePacks` computes what rows share once; `PaddedBatches` is the plain way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from finetrie.records import Prompt
from finetrie.trie import Attention, pack, pack_loss, padded_loss, plan


class PassLoss(NamedTuple):
    """One forward pass."""

    nats: Tensor  # scalar: sum over the pass's supervised tokens, with its graph
    tokens: int  # positions that the model computed, padding included


class Objective(Protocol):
    """A frozen dataclass whose fields say everything that decides the rounding, so that a resumed run can be checked.

    Law: over any split of the same rows the sums of `nats` are equal, up to rounding.
    """

    def split(self, rows: Sequence[Prompt]) -> list[list[Prompt]]:
        """Divide the rows of a step into passes, the same way each time."""

    def loss(self, model: Any, rows: Sequence[Prompt]) -> PassLoss:
        """Run one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriePacks:
    """Rows that begin alike in one row of their prefix trie, up to a budget of distinct tokens."""

    budget_tokens: int
    attention: Attention = "auto"

    def split(self, rows: Sequence[Prompt]) -> list[list[Prompt]]:
        groups = plan([row.ids for row in rows], budget_tokens=self.budget_tokens)
        return [[rows[index] for index in group] for group in groups]

    def loss(self, model: Any, rows: Sequence[Prompt]) -> PassLoss:
        packed = pack([row.ids for row in rows], [row.supervised for row in rows])
        return PassLoss(pack_loss(model, packed, attention=self.attention), len(packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddedBatches:
    """At most `rows` rows a pass, of similar length, padded to the longest."""

    rows: int

    def split(self, rows: Sequence[Prompt]) -> list[list[Prompt]]:
        # Longest first: if memory does not suffice, the first pass says so.
        ordered = sorted(rows, key=lambda row: -len(row.ids))
        return [ordered[start : start + self.rows] for start in range(0, len(ordered), self.rows)]

    def loss(self, model: Any, rows: Sequence[Prompt]) -> PassLoss:
        nats = padded_loss(model, [row.ids for row in rows], [row.supervised for row in rows])
        return PassLoss(nats, len(rows) * max(len(row.ids) for row in rows))
