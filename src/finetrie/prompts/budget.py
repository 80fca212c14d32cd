"""How much of a text fits: the token budget shortens the text, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from finetrie.tasks.graphemes import boundary_after, boundary_before

Shorten = Literal["head", "tail", "head_tail"]
"""Which part of a long text stays: its beginning, its end, or both with `…` between."""

OMISSION = "…"

REACH = 12
"""How many characters beyond the largest fit are tried before it is accepted."""

NEAR = 4
"""Tokens below the limit from which on larger cuts are tried one by one."""

CONTEXT = 24
"""Characters of text on the far side of a cut that are tokenised to compare neighbouring cuts."""

Ranges = tuple[tuple[int, int], ...]


def cut(text: str, characters: int, mode: Shorten) -> Ranges:
    """The ranges of `text` that stay when about `characters` may: never more, and no visible character is broken."""
    if characters >= len(text):
        return ((0, len(text)),) if text else ()
    if mode == "head":
        ranges = [(0, boundary_before(text, characters))]
    elif mode == "tail":
        ranges = [(boundary_after(text, len(text) - characters), len(text))]
    else:
        head = boundary_before(text, (characters + 1) // 2)
        ranges = [(0, head), (boundary_after(text, len(text) - characters // 2), len(text))]
    return tuple((start, end) for start, end in ranges if start < end)


def joined(text: str, kept: Ranges) -> str:
    """What is left of a text."""
    return OMISSION.join(text[start:end] for start, end in kept)


Count = Callable[[Sequence[str]], list[int]]
"""Prompt lengths in tokens, for several texts in a prompt's gap."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a text weighs in tokens, as the search for a cut needs it."""

    count: Count  # the whole prompt
    near: Count  # only its surroundings: differences between texts that differ a little are right, sums are not
    limit: int  # most tokens of a prompt
    empty: int  # tokens of the prompt without any text
    whole: int | None = None  # tokens with the whole text, where they are known


def largest_cut(text: str, scale: Scale, mode: Shorten) -> Ranges | None:
    """The most of `text` that fits; None where not even an empty text does.

    Longer texts can have fewer tokens ("interes" three, "interesting" one), so tokens are no monotone function
    of characters. After a search by interpolation the characters beyond the best fit are tried one by one, until
    `REACH` of them, and the rest of a Latin word, did not fit. Those trials tokenise only the neighbourhood of the cut,
    and what they choose is checked against the whole prompt. Very long texts are never tokenised as a whole.
    """
    if scale.empty > scale.limit:
        return None

    def prompt(size: int) -> int:
        return scale.count([joined(text, cut(text, size, mode))])[0]

    fits, over = _bracket(len(text), prompt, scale)
    if over is None:
        return ((0, len(text)),)
    return cut(text, _climb(text, _interpolate(fits, over, prompt, scale.limit), scale, mode), mode)


Weighed = tuple[int, int]
"""Characters kept, and the tokens of the prompt with them."""


def _bracket(length: int, prompt: Callable[[int], int], scale: Scale) -> tuple[Weighed, Weighed | None]:
    """A size that fits and a larger one that does not; no larger one where all of the text fits."""
    fits = 0, scale.empty
    if scale.whole is not None and scale.whole > scale.limit:
        return fits, (length, scale.whole)
    size = min(length, 2 * scale.limit)
    while (tokens := prompt(size)) <= scale.limit:
        fits = size, tokens
        if size == length:
            return fits, None
        size = min(length, 2 * size)
    return fits, (size, tokens)


def _interpolate(fits: Weighed, over: Weighed, prompt: Callable[[int], int], limit: int) -> Weighed:
    """A size that fits, a few characters or tokens below one that does not. Bisects where interpolation stalls."""
    bisect = False
    while (width := over[0] - fits[0]) > REACH and limit - fits[1] > NEAR:
        share = 0.5 if bisect else (limit - fits[1]) / (over[1] - fits[1])
        size = fits[0] + min(max(int(width * share), 1), width - 1)
        tokens = prompt(size)
        if tokens <= limit:
            fits = size, tokens
        else:
            over = size, tokens
        bisect = not bisect and over[0] - fits[0] > width // 4
    return fits


def _climb(text: str, start: Weighed, scale: Scale, mode: Shorten) -> int:
    """The largest size that fits within reach of another one that does."""
    size, tokens = start
    while True:
        sizes = list(_beyond(text, size, mode))
        near = scale.near([_surroundings(text, other, size, mode) for other in (size, *sizes)])
        expected = {other: tokens + found - near[0] for other, found in zip(sizes, near[1:], strict=True)}
        best = _largest(expected, scale.limit)
        if best is None:
            return size
        found = scale.count([joined(text, cut(text, best, mode))])[0]
        if found != expected[best]:  # the neighbourhood was too small to judge: weigh whole prompts instead
            counts = scale.count([joined(text, cut(text, other, mode)) for other in sizes])
            best = _largest(dict(zip(sizes, counts, strict=True)), scale.limit)
            if best is None:
                return size
            found = counts[sizes.index(best)]
        size, tokens = best, found


def _largest(tokens: dict[int, int], limit: int) -> int | None:
    return max((size for size, found in tokens.items() if found <= limit), default=None)


def _surroundings(text: str, size: int, base: int, mode: Shorten) -> str:
    """What is left of a text, without what lies farther than `CONTEXT` from the cut at `base` characters."""
    head = base if mode == "head" else (base + 1) // 2 if mode == "head_tail" else 0
    tail = base if mode == "tail" else base // 2 if mode == "head_tail" else 0
    first, last = max(head - CONTEXT, 0), min(len(text) - tail + CONTEXT, len(text))
    kept = [(max(start, first), min(end, last)) for start, end in cut(text, size, mode)]
    return joined(text, tuple(kept))


def _beyond(text: str, size: int, mode: Shorten) -> Iterator[int]:
    """Larger sizes worth a try, each with a cut of its own."""
    last = cut(text, size, mode)
    for larger in range(size + 1, min(len(text), size + 4 * REACH) + 1):
        if larger > size + REACH and not _inside_word(text, larger, mode):
            return
        kept = cut(text, larger, mode)
        if kept != last:
            yield larger
        last = kept


def _inside_word(text: str, size: int, mode: Shorten) -> bool:
    edge = len(text) - size if mode == "tail" else size if mode == "head" else (size + 1) // 2
    around = text[edge - 1 : edge + 1]
    return around.isascii() and around.isalnum()
