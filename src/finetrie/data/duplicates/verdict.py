"""What becomes of a row that is like an earlier one: dropped, shown to a person, or kept."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

from finetrie.data.duplicates.habits import Habits
from finetrie.data.duplicates.meaning import Difference, compare, much_differs, stated
from finetrie.data.duplicates.tokens import plain
from finetrie.records import Example, Span

Outcome: TypeAlias = Literal["drop", "conflict", "keep", "unlike"]
DOUBTS = frozenset({"wording", "paraphrase", "unexamined"})
"""Differences that may be none: rows with different labels go to a person, who can see what the surface cannot show."""


def judge(
    earlier: Example,
    later: Example,
    texts: tuple[str, str],
    habits: Habits,
    *,
    by_vector: bool = False,
    free_answers: bool = False,
) -> tuple[Outcome, Difference]:
    """Decide about `later`; `earlier` stays in any case.

    - Nothing but a harmless difference: same target → drop, another target → conflict.
    - A name, a number or a negation differs: keep, whatever the targets say.
    - In doubt: keep with the same target, conflict with another one; never drop.

    Entities are compared by their words and labels. Where they disagree, the rows are in conflict if words that both
    texts have are annotated in one of them only, or differently; they are kept if the texts name different entities.

    Args:
        texts: the `plain` texts of the two rows.
        by_vector: the rows were found by their vectors, so that their words may differ although they say the same.
        free_answers: targets are texts, of which no two need be the same; different ones are no conflict in doubt.
    """
    if not by_vector and much_differs(*texts):  # of the pairs that a large set proposes, most
        return "unlike", Difference("other")
    annotated = isinstance(earlier.target, tuple) and isinstance(later.target, tuple)
    same = same_target(earlier, later)
    named = annotated and same and bool(earlier.target)  # that neither row names anything proves nothing
    difference = compare(*texts, habits, same_entities=named)
    if by_vector and difference.sign in ("wording", "other", "unexamined"):
        difference = Difference("paraphrase", difference.pieces)
        if named and stated(texts[0]) == stated(texts[1]):
            return "drop", difference
    if difference.sign == "other":
        return "unlike", difference
    if annotated and not same and not _annotated_otherwise(earlier, later, texts):
        return "keep", Difference("name", difference.pieces)
    if difference.harmless:
        return ("drop" if same else "conflict"), difference
    return ("conflict" if difference.sign in DOUBTS and not same and not free_answers else "keep"), difference


def same_target(one: Example, other: Example) -> bool:
    """Whether two rows are labelled alike: the same class, the same answer, or the same entities.

    Entities of equal texts are compared by place; of others by their words and labels, in any order.
    """
    if not isinstance(one.target, tuple) or not isinstance(other.target, tuple):
        return one.target == other.target
    if one.text == other.text:
        return sorted(one.target) == sorted(other.target)
    return entities(one) == entities(other)


def entities(example: Example) -> Counter[tuple[str, str]]:
    """(words, label) of the entities of a row, without width, case and white space."""
    spans = example.target if isinstance(example.target, tuple) else ()
    return Counter(
        (plain(example.text[span.start : span.end]).casefold(), span.label) for span in spans if isinstance(span, Span)
    )


def _annotated_otherwise(earlier: Example, later: Example, texts: tuple[str, str]) -> bool:
    """Whether every entity of which the rows have different numbers has its words in both texts as often."""
    ours, theirs = entities(earlier), entities(later)
    left, right = (text.casefold() for text in texts)
    uneven = {words for words, _ in (ours - theirs) + (theirs - ours)}
    return all(words and left.count(words) == right.count(words) for words in uneven)
