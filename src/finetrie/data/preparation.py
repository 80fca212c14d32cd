"""What is done to rows before they are divided: cleaned, judged, masked, and copies taken out. Nothing unrecorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from finetrie.data.cleaning import Change, LostEntity, Step, clean
from finetrie.data.cleaning.applying import texts
from finetrie.data.duplicates import Match, Retrieval, find_duplicates
from finetrie.data.filters import Filter, first_drop
from finetrie.data.policy import Hit, Policy
from finetrie.data.privacy import mask, mask_text
from finetrie.data.privacy.entities import AskMany, Foreseen
from finetrie.records import Example, Rejection, Span

CLEANED = {"instruction": ("text", "instruction", "history", "reasoning", "target")}
"""What of an example the steps change, by task; of the others the text and the reasoning."""

NEAR = 0.5
"""Share of common two-character shingles from which two texts are compared; see `find_duplicates`."""

ROWS_AT_ONCE = 512
"""Rows a classifier is asked about together."""

Copies = Literal["keep", "exact", "near", "vector"]

FOUND = ("exact", "near", "vector")
"""The searches, in their order; each of the choices of `Copies` takes in those before it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. The default asks for nothing."""

    steps: tuple[Step, ...] = ()
    policy: Policy | None = None
    filters: tuple[Filter, ...] = ()
    personal_data: tuple[str, ...] = ()  # kinds to mask
    style: Literal["tag", "fake"] = "tag"
    allow: tuple[str, ...] = ()  # values that stay
    entities: AskMany | None = None  # finds names and addresses to mask
    copies: Copies = "keep"  # which copies with the same label are dropped
    retrieval: Retrieval | None = None  # how `copies = "vector"` searches; needed there
    review: bool = False  # also look for near conflicts where near copies are not looked for

    def __post_init__(self) -> None:
        if self.copies == "vector" and self.retrieval is None:
            raise ValueError('copies = "vector" needs a retrieval, such as retrieval("offline")')


@dataclass(slots=True)
class Prepared:
    """The rows that are left, and a record of everything that was done to the others."""

    examples: list[Example] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    changes: list[Any] = field(default_factory=list)  # one line of `changes.jsonl` each
    flags: list[Any] = field(default_factory=list)  # policy hits that a person should look at
    conflicts: list[Match] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def prepare_rows(
    examples: Iterable[Example], plan: Plan, *, kind: str, labels: Collection[str] = (), reduce: bool = True
) -> Prepared:
    """Carry out the plan: clean, judge by policy and filters, mask, take out copies.

    Args:
        labels: the classes, which no mask may touch.
        reduce: False for rows that are only cleaned and masked: a test set keeps all of its rows.
    """
    result = Prepared()
    parts = CLEANED.get(kind, ("text", "reasoning"))
    masking = _Masking(plan, None if plan.entities is None else Foreseen(plan.entities))
    remaining = iter(examples)
    while some := list(islice(remaining, ROWS_AT_ONCE)):
        rows = [_clean_row(example, plan, parts=parts, reduce=reduce) for example in some]
        masking.foresee(rows, parts)
        for row, classified in zip(rows, _classified(rows, plan), strict=True):
            if row.rejection is None:
                _judge_row(row, plan, classified, parts=parts, reduce=reduce)
            if plan.personal_data:
                masking.mask(row, labels)
                masking.hide(row)
            result.changes += row.changes
            result.flags += row.flags
            if row.rejection is not None:
                result.rejected.append(row.rejection)
            else:
                result.examples.append(row.example)
    if reduce:
        _compare(result, plan, kind=kind)
    return result


@dataclass(slots=True)
class _Row:
    """One row on its way through the plan."""

    example: Example
    changes: list[Any] = field(default_factory=list)
    flags: list[Any] = field(default_factory=list)
    rejection: Rejection | None = None


def _clean_row(example: Example, plan: Plan, *, parts: Collection[str], reduce: bool) -> _Row:
    row = _Row(example)
    if plan.steps:
        cleaned = clean(example, plan.steps, parts=parts)
        row.example, row.changes = cleaned.example, [*cleaned.changes, *cleaned.lost]
        if reduce and example.text.strip() and not row.example.text.strip():
            row.rejection = Rejection(
                example.origin, "empty_text", "cleaning left nothing of the text", text=example.text
            )
    return row


def _classified(rows: Sequence[_Row], plan: Plan) -> list[Hit | None]:
    """What the policy's classifier says of rows after cleaning."""
    if plan.policy is None:
        return [None] * len(rows)
    return plan.policy.classified([row.example for row in rows])


def _judge_row(row: _Row, plan: Plan, classified: Hit | None, *, parts: Collection[str], reduce: bool) -> None:
    if plan.policy is not None:
        verdict = plan.policy.judge(row.example, parts=parts, classified=classified)
        row.example, row.flags = verdict.example, list(verdict.flags)
        row.changes += [*verdict.changes, *verdict.lost]
        if reduce and verdict.drop is not None:
            row.rejection = verdict.drop.rejection(row.example)
            return
    if reduce and plan.filters and (drop := first_drop(row.example, plan.filters, row.example.columns)):
        row.rejection = drop.rejection(row.example)


@dataclass(frozen=True)
class _Masking:
    """Personal data of rows, and of the records about them."""

    plan: Plan
    entities: Foreseen | None

    def foresee(self, rows: Iterable[_Row], parts: Collection[str]) -> None:
        """Let the entity model read the rows, and what cleaning has changed in them, together."""
        if self.entities is None:
            return
        changed = [c for row in rows for c in row.changes if isinstance(c, (Change, LostEntity))]
        words = [words for change in changed for words in (change.before, change.after)]
        self.entities.forget()
        self.entities.foresee([*words, *(text for row in rows for _, text in texts(row.example, parts))])

    def mask(self, row: _Row, labels: Collection[str]) -> None:
        if row.rejection is None:
            masked = mask(row.example, labels=labels, **self._settings())
            row.changes += [*masked.changes, *(_destroyed(row.example, span) for span in masked.destroyed)]
            row.example = masked.example

    def hide(self, row: _Row) -> None:
        """Let the row's records not repeat what the mask hides. Without offsets, which would no longer fit."""

        def hidden(words: str) -> str:
            return mask_text(words, **self._settings())

        row.changes = [
            replace(change, before=hidden(change.before), after=hidden(change.after), edits=())
            if isinstance(change, Change)
            else replace(change, before=hidden(change.before), after=hidden(change.after))
            if isinstance(change, LostEntity)
            else change
            for change in row.changes
        ]
        if row.rejection is not None and row.rejection.text is not None:
            row.rejection = replace(row.rejection, text=hidden(row.rejection.text), row=None)

    def _settings(self) -> dict[str, Any]:
        plan = self.plan
        return {"kinds": plan.personal_data, "allow": plan.allow, "style": plan.style, "entities": self.entities}


def _destroyed(example: Example, span: Span) -> dict[str, Any]:
    """An entity that a mask cut. Its words may be the personal data, so they are not repeated."""
    return {
        "origin": example.origin,
        "rule": "entity_destroyed",
        "step": "personal_data",
        "entity": [span.start, span.end, span.label],
    }


def _compare(result: Prepared, plan: Plan, *, kind: str) -> None:
    """Take out copies, and note rows that ask the same and are labelled differently."""
    near = NEAR if plan.copies in ("near", "vector") or plan.review else None
    by_vector = plan.retrieval.arguments() if plan.retrieval is not None and plan.copies == "vector" else {}
    found = find_duplicates(result.examples, kind=kind, near=near, **by_vector)
    dropped_kinds = FOUND[: FOUND.index(plan.copies) + 1] if plan.copies != "keep" else ()
    drops = [match for match in found.drops if match.found in dropped_kinds]
    _hand_over_reasoning(result, drops)
    dropped = {match.position for match in drops}
    result.rejected += [match.rejection() for match in drops]
    result.examples = [example for position, example in enumerate(result.examples) if position not in dropped]
    result.conflicts += found.conflicts
    result.notices += found.notices


def _hand_over_reasoning(result: Prepared, drops: Sequence[Match]) -> None:
    """Let the row that stays have the reasoning of its copy, where it has none."""
    for match in drops:
        kept = result.examples[match.partner_position]
        if match.row.reasoning is not None and kept.reasoning is None:
            result.examples[match.partner_position] = replace(kept, reasoning=match.row.reasoning)
            result.changes.append({"origin": kept.origin, "rule": "reasoning_moved", "partner": match.row.origin})


DECISIONS = ("keep", "row", "partner", "neither")


def review_rows(conflicts: Sequence[Match]) -> list[dict[str, Any]]:
    """Conflicts for a person: one line each, with an empty `decision` to fill in.

    "keep": both rows stay; "row" or "partner": that one is right, the other is dropped; "neither": both are dropped;
    any other word is the label that both rows get.
    """
    return [{"decision": "", **match.record()} for match in conflicts]


def decide(
    examples: Sequence[Example], decisions: Iterable[dict[str, Any]], *, labels: Collection[str] = ()
) -> Prepared:
    """The rows after a person's decisions; pairs that are not there, or not decided, change nothing and are counted.

    Args:
        decisions: lines of the edited review file.
        labels: the classes; a decision that is none of them and no known word is a notice.
    """
    result = Prepared()
    places = {example.origin: place for place, example in enumerate(examples)}
    rows: list[Example | None] = list(examples)
    unknown = open_ones = 0
    for line in decisions:
        decision = str(line.get("decision") or "").strip()
        row, partner = (places.get(str(line.get(name))) for name in ("origin", "partner"))
        if not decision:
            open_ones += 1
        elif row is None or partner is None or (decision not in DECISIONS and decision not in labels):
            unknown += 1
        elif decision in DECISIONS:
            dropped = {"keep": (), "row": (partner,), "partner": (row,), "neither": (row, partner)}[decision]
            for place in dropped:
                if rows[place] is not None:
                    result.rejected.append(_decided(examples[place], decision, line))
                    rows[place] = None
        else:
            for place in (row, partner):
                if (kept := rows[place]) is not None and kept.target != decision:
                    result.changes.append(
                        {"origin": kept.origin, "rule": "relabelled", "before": kept.target, "after": decision}
                    )
                    rows[place] = replace(kept, target=decision)
    if open_ones:
        result.notices.append(f"{open_ones} conflicts are not decided yet; their rows are kept")
    if unknown:
        result.notices.append(f"{unknown} decisions name rows or labels that are not in the data; they change nothing")
    result.examples = [example for example in rows if example is not None]
    return result


def _decided(example: Example, decision: str, line: dict[str, Any]) -> Rejection:
    other = line["partner"] if line["origin"] == example.origin else line["origin"]
    return Rejection(example.origin, "review", f"a person decided: {decision}", partner=str(other), text=example.text)
