"""As much of a text as fits, and not a character less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.prompts.budget import Scale, cut, joined, largest_cut
from finetrie.tasks.graphemes import is_boundary

MODES: list[Any] = ["head", "tail", "head_tail"]
texts = st.text(st.sampled_from("ab 南京é\u0301👩\u200d💻🇨🇳\r\n"), max_size=60)


def by_bytes(texts: Sequence[str]) -> list[int]:
    return [10 + len(text.encode()) for text in texts]


def by_words(texts: Sequence[str]) -> list[int]:
    """Not monotone: a whole word costs one, a broken one as many as it has letters."""
    known = {"interesting", "news", "the", "an"}
    return [10 + sum(1 if word in known else len(word) for word in text.split(" ")) for text in texts]


def scale(count: Callable[[Sequence[str]], list[int]], limit: int, whole: int | None = None) -> Scale:
    return Scale(count, count, limit=limit, empty=count([""])[0], whole=whole)


def length(kept: Sequence[tuple[int, int]]) -> int:
    return sum(end - start for start, end in kept)


@pytest.mark.parametrize("mode", MODES)
@given(text=texts, size=st.integers(0, 70))
def test_a_cut_keeps_whole_characters_in_order_and_never_more_than_asked(text: str, size: int, mode: Any) -> None:
    kept = cut(text, size, mode)
    edges = [edge for pair in kept for edge in pair]
    assert edges == sorted(edges)
    assert all(is_boundary(text, edge) for edge in edges)
    assert length(kept) <= size
    if size >= len(text):
        assert joined(text, kept) == text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("known", [True, False])
@given(text=texts, limit=st.integers(8, 120))
def test_the_largest_part_that_fits_is_kept(text: str, limit: int, mode: Any, known: bool) -> None:
    whole = by_bytes([text])[0] if known else None
    kept = largest_cut(text, scale(by_bytes, limit, whole), mode)
    if kept is None:
        assert limit < 10
        return
    assert by_bytes([joined(text, kept)])[0] <= limit
    fitting = [size for size in range(len(text) + 1) if by_bytes([joined(text, cut(text, size, mode))])[0] <= limit]
    assert length(kept) == max(length(cut(text, size, mode)) for size in fitting)


@given(words=st.lists(st.sampled_from(["interesting", "news", "the", "an"]), max_size=30), limit=st.integers(10, 40))
def test_where_more_characters_have_fewer_tokens_the_word_is_completed(words: list[str], limit: int) -> None:
    text = " ".join(words)
    kept = largest_cut(text, scale(by_words, limit), "head")
    assert kept is not None
    fitting = [size for size in range(len(text) + 1) if by_words([text[:size]])[0] <= limit]
    assert length(kept) == max(fitting)


@pytest.mark.parametrize("mode", MODES)
def test_a_text_of_a_million_characters_is_not_weighed_as_a_whole(mode: Any) -> None:
    weighed: list[int] = []

    def count(texts: Sequence[str]) -> list[int]:
        weighed.extend(map(len, texts))
        return by_bytes(texts)

    kept = largest_cut("南京 " * 333_333, scale(count, 400), mode)
    assert kept is not None
    assert max(weighed) <= 1000
    assert len(weighed) <= 100


@settings(max_examples=30)
@given(text=st.text("ab ", min_size=100, max_size=200), limit=st.integers(20, 60))
def test_a_misleading_neighbourhood_is_corrected_by_the_whole_prompt(text: str, limit: int) -> None:
    honest = scale(by_bytes, limit)
    misled = Scale(by_bytes, lambda texts: [0] * len(texts), limit=limit, empty=honest.empty)
    kept = largest_cut(text, misled, "head")
    assert kept == largest_cut(text, honest, "head")
