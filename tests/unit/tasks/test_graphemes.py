"""Cuts do not break what a reader sees as one character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.tasks.graphemes import boundary_after, boundary_before, clusters, is_boundary

texts = st.text(st.sampled_from("a南\u0301\u200d\ufe0f👩💻🇨🇳🏽\r\n각가가") | st.characters())


@pytest.mark.parametrize(
    "whole",
    [
        "e\u0301",
        "👩\u200d💻",
        "👍🏽",
        "🇨🇳",
        "1\ufe0f\u20e3",
        "\r\n",
        "ᄀ\u1161\u11a8",
        "가\u11a8",
        "葛\U000e0100",
        "कि",
        "ｶﾞ",
    ],
)
def test_a_visible_character_stays_whole(whole: str) -> None:
    text = f"a{whole}b"
    assert clusters(text) == [(0, 1), (1, 1 + len(whole)), (1 + len(whole), len(text))]


def test_flags_are_pairs() -> None:
    assert clusters("🇨🇳🇯🇵🇩") == [(0, 2), (2, 4), (4, 5)]


@given(texts)
def test_visible_characters_cover_a_text(text: str) -> None:
    assert "".join(text[start:end] for start, end in clusters(text)) == text


@given(texts, st.integers(0, 40))
def test_neighbouring_boundaries_are_the_nearest(text: str, index: int) -> None:
    index = min(index, len(text))
    before, after = boundary_before(text, index), boundary_after(text, index)
    assert before <= index <= after
    assert is_boundary(text, before)
    assert is_boundary(text, after)
    assert not any(is_boundary(text, other) for other in range(before + 1, after) if other != index)
