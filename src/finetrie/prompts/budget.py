"""How much of a text fits: the token budget shortens the text, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from finetrie.tasks.graphemes import boundary_after, boundary_before

Shorten = Literal["head", "tail", "head_tail"]
"""Which part of a long text stays: its beginning, its end, or both with `…` between."""

OMISSION = "…"

REACH = 16
"""How many characters beyond the largest fit are tried before it is accepted."""

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


def largest_cut(text: str, count: Callable[[Sequence[str]], list[int]], *, limit: int, mode: Shorten) -> Ranges | None:
    """The most of `text` whose prompt has at most `limit` tokens; None where not even an empty text fits.

    `count` gives the prompt length in tokens for each of several texts. Longer texts can have fewer tokens ("interes"
    three, "interesting" one), so after a search by interpolation the next characters are tried one by one, until
    `REACH` of them, and the rest of a Latin word, did not fit. Long texts are never tokenised as a whole: the search
    comes from below, so it costs a few dozen prompts of at most about `limit` tokens.
    """

    def tokens(sizes: Sequence[int]) -> list[int]:
        return count([joined(text, cut(text, size, mode)) for size in sizes])

    fits, at_fits = 0, tokens([0])[0]
    if at_fits > limit:
        return None
    over, at_over = min(len(text), 2 * limit), 0
    while (at_over := tokens([over])[0]) <= limit:
        if over == len(text):
            return cut(text, over, mode)
        fits, at_fits, over = over, at_over, min(len(text), 2 * over)
    halve = False
    while over - fits > 2:
        slope = (limit - at_fits + 0.5) / (at_over - at_fits)
        guess = (fits + over) // 2 if halve else fits + int((over - fits) * slope)
        guess = min(max(guess, fits + 1), over - 1)
        found = tokens([guess])[0]
        halve = not halve and min(guess - fits, over - guess) <= (over - fits) // 8
        if found <= limit:
            fits, at_fits = guess, found
        else:
            over, at_over = guess, found
    while (better := _largest_fit(tokens, list(_beyond(text, fits, mode)), limit)) is not None:
        fits = better
    return cut(text, fits, mode)


def _largest_fit(tokens: Callable[[Sequence[int]], list[int]], sizes: list[int], limit: int) -> int | None:
    fitting = [size for size, found in zip(sizes, tokens(sizes), strict=True) if found <= limit] if sizes else []
    return max(fitting, default=None)


def _beyond(text: str, size: int, mode: Shorten) -> Iterator[int]:
    """Larger sizes worth a try, each with a cut of its own."""
    last = cut(text, size, mode)
    for larger in range(size + 1, len(text)):
        kept = cut(text, larger, mode)
        if larger > size + REACH and not _inside_word(text, larger, mode):
            return
        if larger > size + 4 * REACH:
            return
        if kept != last:
            yield larger
        last = kept


def _inside_word(text: str, size: int, mode: Shorten) -> bool:
    edge = len(text) - size if mode == "tail" else size if mode == "head" else (size + 1) // 2
    return text[edge - 1 : edge + 1].isascii() and text[edge - 1 : edge + 1].isalnum()
