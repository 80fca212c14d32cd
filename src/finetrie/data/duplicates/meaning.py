"""What two alike texts do not share, and whether it may change what they mean.

The surface cannot prove that a difference is harmless, so only four kinds are taken for harmless: punctuation and
particles, clauses in another order, a slip of the pen, and, where entities are annotated and agree, a few words
outside of them. Everything else keeps both texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rapidfuzz.distance import OSA, Levenshtein

from finetrie.data.duplicates import lexicon
from finetrie.data.duplicates.habits import Habits
from finetrie.data.duplicates.tokens import (
    Reading,
    clauses,
    content,
    folded_tokens,
    is_content,
    is_number,
    is_spaceless,
    read_tokens,
)

Sign: TypeAlias = Literal[
    "same",
    "punctuation",
    "order",
    "slip",
    "outside",
    "wording",
    "contrast",
    "name",
    "number",
    "negation",
    "paraphrase",
    "unexamined",
    "other",
]
HARMLESS: frozenset[str] = frozenset({"same", "punctuation", "order", "slip", "outside"})
GRAVITY: tuple[Sign, ...] = ("punctuation", "outside", "slip", "wording", "contrast", "name", "number", "negation")
SAYS = {
    "same": "the same words",
    "punctuation": "only punctuation, case or particles differ",
    "order": "the same clauses in another order",
    "slip": "a slip of writing: characters that do not belong together",
    "outside": "the same entities; a few words outside of them differ",
    "wording": "other words, which may mean something else",
    "contrast": "words that contrast with each other",
    "name": "what differs looks like a name or a place",
    "number": "a number differs",
    "negation": "a negation differs",
    "paraphrase": "alike by their vectors, in other words",
    "unexamined": "too long to compare word by word",
    "other": "much differs",
}

LONGEST = 20_000  # characters; the time to align two texts grows with the product of their lengths
FEW_WORDS = 3  # changed words in one place that may still stand outside the entities without changing the row
MOVABLE = 3  # words a clause must have to be moved: shorter ones may be names, whose order has a meaning
SLIP_LENGTH = 7  # characters of the shortest text in which a slip shows: 为什么呢 and 笑什么呢 are two questions
ALIKE_WORDS, ALIKE_SHARE = 6, 0.3  # texts that differ in more words, and in a larger share, are not alike


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs: `sign` says how, `pieces` what stands in the one text and what in the other."""

    sign: Sign
    pieces: tuple[tuple[str, str], ...] = ()

    @property
    def harmless(self) -> bool:
        return self.sign in HARMLESS


@dataclass(frozen=True, slots=True)
class _Change:
    """Tokens `begin` to `end` of either text stand in the place of one another; one range may be empty."""

    left: tuple[int, int]
    right: tuple[int, int]


def compare(left: str, right: str, habits: Habits, *, same_entities: bool = False) -> Difference:
    """How two `plain` texts differ; the gravest difference decides the sign.

    Args:
        same_entities: both texts are annotated with the same entities, so that no name can be hidden in what differs.
    """
    if max(len(left), len(right)) > LONGEST:
        return Difference("unexamined")
    if right < left:  # of several best alignments the same one is taken from either side
        found = compare(right, left, habits, same_entities=same_entities)
        return Difference(found.sign, tuple((one, other) for other, one in found.pieces))
    one, other = read_tokens(left), read_tokens(right)
    if one.folded == other.folded:
        return Difference("same")
    if moved := _moved_clauses(left, right):
        return Difference("order", moved)
    changes = list(_changes(one, other))
    pieces = tuple((_words(one, change.left), _words(other, change.right)) for change in changes)
    changed = sum(map(_extent, changes))
    much = changed > ALIKE_SHARE * max(len(one.tokens), len(other.tokens))
    if much and changed > ALIKE_WORDS:
        return Difference("other", pieces)
    signs = [_sign(change, one, other, habits, same_entities) for change in changes]
    gravest = max(signs, key=GRAVITY.index)
    if gravest == "outside" and much:
        gravest = "wording"
    if gravest == "wording" and signs.count("slip") > signs.count("wording") and max(map(_extent, changes)) == 1:
        gravest = "slip"  # whoever slips twice slips a third time
    if gravest == "slip" and min(map(_content_length, (one, other))) < SLIP_LENGTH:
        gravest = "wording"
    return Difference(gravest, pieces)


def much_differs(left: str, right: str) -> bool:
    """Whether `compare` says "other" of two `plain` texts, without saying what differs: several times as fast.

    The changed words are as many as the edits of an optimal alignment, which is what `Levenshtein.distance` counts.
    """
    if max(len(left), len(right)) > LONGEST:
        return False
    one, other = folded_tokens(left), folded_tokens(right)
    most = int(max(ALIKE_WORDS, ALIKE_SHARE * max(len(one), len(other))))
    changed = Levenshtein.distance(one, other, score_cutoff=most)  # beyond the cutoff: one more than it
    return changed > most and not _moved_clauses(left, right)


def stated(text: str) -> tuple[tuple[str, ...], int]:
    """What a paraphrase must keep: the numbers of a `plain` text, sorted, and how many negations it has."""
    words = content(text)
    numbers = (word for word in words if is_number(word) or word in lexicon.NUMERALS)
    return tuple(sorted(numbers)), lexicon.negations(words)


def _moved_clauses(left: str, right: str) -> tuple[tuple[str, str], ...]:
    """Where the clauses of two texts are the same in another order: which stands for which. Empty if they are not."""
    ours, theirs = clauses(left), clauses(right)
    if len(ours) != len(theirs) or len(ours) < 2 or sorted(ours) != sorted(theirs):
        return ()
    moved = tuple((one, other) for one, other in zip(ours, theirs, strict=True) if one != other)
    return moved if all(len(content(one)) >= MOVABLE for one, _ in moved) else ()


def _changes(one: Reading, other: Reading) -> Iterator[_Change]:
    """Places where the tokens differ, in order; neighbouring edits are one change."""
    begin = None
    for code in Levenshtein.opcodes(one.folded, other.folded):
        if code.tag == "equal":
            if begin is not None:
                yield _Change((begin[0], code.src_start), (begin[1], code.dest_start))
                begin = None
        elif begin is None:
            begin = (code.src_start, code.dest_start)
    if begin is not None:
        yield _Change((begin[0], len(one.tokens)), (begin[1], len(other.tokens)))


def _sign(change: _Change, one: Reading, other: Reading, habits: Habits, same_entities: bool) -> Sign:
    ours, theirs = one.folded[slice(*change.left)], other.folded[slice(*change.right)]
    if not any(map(is_content, (*ours, *theirs))):
        sides = (one, change.left), (other, change.right)
        marks = (_is_mark(reading, index) for reading, place in sides for index in range(*place))
        return "punctuation" if all(marks) else "wording"
    ours, theirs = (tuple(word for word in words if is_content(word)) for words in (ours, theirs))
    words = (*ours, *theirs)
    if lexicon.negations(ours) or lexicon.negations(theirs):
        return "negation"
    if _is_counted(ours, theirs, change, one, other):
        return "number"
    if lexicon.PARTICLES.issuperset(words):
        return "punctuation"
    if same_entities:
        if ours and theirs and not lexicon.SURNAMES.isdisjoint(ours) and not lexicon.SURNAMES.isdisjoint(theirs):
            return "name"  # which the annotation has missed
        return "outside" if max(len(ours), len(theirs)) <= FEW_WORDS else "wording"
    if not all(map(is_spaceless, words)):
        return _latin_sign(change, one, other, habits)
    if _is_named(ours, theirs, change, one, other):
        return "name"
    if max(len(ours), len(theirs)) > 1:
        return "wording"
    if ours and theirs and lexicon.CONTRASTS.issuperset(words):
        return "contrast"
    strange = _is_strange(one, change.left, habits), _is_strange(other, change.right, habits)
    return "slip" if sorted(strange) == [False, True] else "wording"


def _is_counted(ours: Sequence[str], theirs: Sequence[str], change: _Change, one: Reading, other: Reading) -> bool:
    """Whether a number differs. 一 is mostly none, but one in the place of another, beside another, and in 周一."""
    words = (*ours, *theirs)
    if any(is_number(word) or (word in lexicon.NUMERALS and word != "一") for word in words):
        return True
    if "一" not in words:
        return False
    return any(
        not lexicon.COUNTED.isdisjoint(reading.folded[max(begin - 1, 0) : begin])
        or not lexicon.NUMERALS.isdisjoint(reading.folded[end : end + 1])
        for reading, (begin, end) in ((one, change.left), (other, change.right))
    )


def _latin_sign(change: _Change, one: Reading, other: Reading, habits: Habits) -> Sign:
    """Another word of an alphabet: a name where it is capitalised or stands among Chinese, a slip where it is rare."""
    capital = any(
        token[:1].isupper() and place > 0
        for reading, (begin, end) in ((one, change.left), (other, change.right))
        for place, token in enumerate(reading.tokens[begin:end], start=begin)
    )
    if capital or any(map(is_spaceless, (*one.folded, *other.folded))):
        return "name"
    if len(one.folded[slice(*change.left)]) == len(other.folded[slice(*change.right)]) == 1:
        ours, theirs = one.folded[change.left[0]], other.folded[change.right[0]]
        rare = min(len(ours), len(theirs)) >= 5 and not (habits.has_word(ours) and habits.has_word(theirs))
        # A prefix (un-, il-, a-) turns a word into its opposite, so that the beginning must be the same.
        if rare and ours[:2] == theirs[:2] and OSA.distance(ours, theirs) <= 1:
            return "slip"
    return "wording"


def _is_strange(reading: Reading, place: tuple[int, int], habits: Habits) -> bool:
    """Whether the change brings only characters together that do not belong together."""
    begin, end = _characters(reading, place)
    pairs = [reading.text[k : k + 2].casefold() for k in range(max(begin - 1, 0), max(end, begin))]
    pairs = [pair for pair in pairs if len(pair) == 2 and all(map(is_content, pair))]
    return bool(pairs) and not any(habits.binds(*pair) for pair in pairs)


def _is_named(ours: Sequence[str], theirs: Sequence[str], change: _Change, one: Reading, other: Reading) -> bool:
    """Whether what differs looks like a part of a name: by its characters, its neighbours or its quotation marks."""
    words = (*ours, *theirs)
    surnames = lexicon.SURNAMES | lexicon.AMBIGUOUS_SURNAMES
    if not lexicon.SURNAMES.isdisjoint(words) or not lexicon.PLACE_ENDINGS.isdisjoint(words):
        return True
    if not surnames.isdisjoint(ours) and not surnames.isdisjoint(theirs):
        return True
    return any(_stands_in_name(reading, place) for reading, place in ((one, change.left), (other, change.right)))


def _stands_in_name(reading: Reading, place: tuple[int, int]) -> bool:
    before = reading.folded[max(place[0] - 2, 0) : place[0]]
    after = reading.folded[place[1] : place[1] + 1]
    if not lexicon.SURNAMES.isdisjoint(before) or not lexicon.PLACE_ENDINGS.isdisjoint(after):
        return True
    text, (begin, end) = reading.text, _characters(reading, place)
    if "·" in text[max(begin - 2, 0) : end + 2] or _foreign_length(text, begin, end) >= 3:
        return True
    if any(found.start() < end and begin < found.end() for found in lexicon.QUOTED.finditer(text)):
        return True
    margin = lexicon.LONGEST_PLACE
    start = max(begin - margin, 0)
    near = text[start : end + margin]
    # A character put to the end of a name makes another one of it: 中国通.
    return any(start + p.start() <= end and begin <= start + p.end() for p in lexicon.PLACE.finditer(near))


def _foreign_length(text: str, begin: int, end: int) -> int:
    """Characters that spell foreign names, in one row around and in `text[begin:end]`."""
    if not lexicon.TRANSLITERATION.issuperset(text[begin:end]):
        return 0
    while begin > 0 and text[begin - 1] in lexicon.TRANSLITERATION:
        begin -= 1
    while end < len(text) and text[end] in lexicon.TRANSLITERATION:
        end += 1
    return end - begin


def _characters(reading: Reading, place: tuple[int, int]) -> tuple[int, int]:
    """The range of characters of a range of tokens; an empty range stands before the token that follows."""
    begin, end = place
    if begin == end:
        at = reading.starts[begin] if begin < len(reading.starts) else len(reading.text)
        return at, at
    return reading.starts[begin], reading.ends[end - 1]


def _words(reading: Reading, place: tuple[int, int]) -> str:
    begin, end = _characters(reading, place)
    return reading.text[begin:end]


def _extent(change: _Change) -> int:
    """Tokens of the longer side."""
    return max(change.left[1] - change.left[0], change.right[1] - change.right[0])


def _content_length(reading: Reading) -> int:
    """Characters of words and numbers."""
    return sum(len(token) for token in reading.tokens if is_content(token))


def _is_mark(reading: Reading, index: int) -> bool:
    """Punctuation: not emoji, currency or the vowel signs of some scripts, nor what belongs to a name: C++, C#, A-."""
    token = reading.tokens[index]
    category = unicodedata.category(token[0])
    if category[0] not in "PZC" and category not in ("Sm", "Sk"):
        return False
    start, end = reading.starts[index], reading.ends[index]
    glued = sum(_is_ascii_word(reading.text[place : place + 1]) for place in (start - 1, end) if place >= 0)
    return not (glued == 1 if token == "-" else glued and token in lexicon.OPERATORS)


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or (character != "" and character in lexicon.OPERATORS))
