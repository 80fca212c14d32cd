"""MinHash proposes, Jaccard decides: nothing below the threshold, next to nothing missed above it."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.duplicates import near as near_module
from finetrie.data.duplicates.near import bands_for, near_pairs
from finetrie.data.duplicates.shingles import shingles
from finetrie.data.duplicates.tokens import content
from finetrie.errors import ConfigError

short_texts = st.lists(st.text("天地玄黄 ab", max_size=8), max_size=12)


def jaccard(one: str, other: str) -> float:
    """Of pairs of neighbouring words, written down without arrays."""
    left, right = (set(pairwise(words)) or {tuple(words)} - {()} for words in (content(one), content(other)))
    return len(left & right) / len(left | right) if left | right else 0.0


def headlines(count: int) -> list[str]:
    """Texts of 20 characters, each with a variant of which one to eight characters were changed."""
    draw = random.Random(0)
    made = []
    for _ in range(count):
        text = "".join(chr(draw.randrange(0x4E00, 0x4E00 + 2000)) for _ in range(20))
        variant = list(text)
        for place in draw.sample(range(20), draw.randrange(1, 9)):
            variant[place] = chr(draw.randrange(0x4E00, 0x4E00 + 2000))
        made += [text, "".join(variant)]
    return made


@given(short_texts)
def test_shingles_are_the_pairs_of_neighbouring_words(texts: list[str]) -> None:
    found = shingles(texts)
    assert len(found) == len(texts)
    for i, text in enumerate(texts):
        words = content(text)
        assert found.sizes[i] == (len(set(pairwise(words))) or min(len(words), 1))
    for (i, one), (j, other) in combinations(enumerate(texts), 2):
        left, right = (set(found.codes[found.starts[k] : found.starts[k + 1]].tolist()) for k in (i, j))
        assert (len(left & right) / len(left | right) if left | right else 0.0) == jaccard(one, other)


def test_shingles_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = headlines(20)
    whole = shingles(texts)
    monkeypatch.setattr("finetrie.data.duplicates.shingles.BATCH_TEXTS", 7)
    portions = shingles(texts)
    assert (whole.codes == portions.codes).all()
    assert (whole.starts == portions.starts).all()


@settings(max_examples=50)
@given(short_texts, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_no_pair_below_the_threshold_and_every_equal_pair(texts: list[str], near: float) -> None:
    found = {(i, j): score for i, j, score in near_pairs(shingles(texts), near=near).pairs}
    exact = {(i, j): jaccard(texts[i], texts[j]) for i, j in combinations(range(len(texts)), 2)}
    assert all(score == pytest.approx(exact[pair]) for pair, score in found.items())
    assert all(exact[pair] >= near for pair in found)
    assert {pair for pair, score in exact.items() if score == 1} <= found.keys()


@pytest.mark.parametrize("near", [0.5, 0.7])
def test_hardly_a_pair_above_the_threshold_is_missed(near: float) -> None:
    texts = headlines(400)
    found = {(i, j) for i, j, _ in near_pairs(shingles(texts), near=near).pairs}
    alike = {(i, i + 1) for i in range(0, len(texts), 2) if jaccard(texts[i], texts[i + 1]) >= near}
    assert len(alike) > 50
    assert len(alike - found) <= 0.02 * len(alike)
    assert found == found & alike


def test_pairs_come_by_row_with_the_best_partner_first() -> None:
    texts = ["一二三四五六七八九十", "一二三四五六七八九", "一二三四五六七八"]
    pairs = list(near_pairs(shingles(texts), near=0.5).pairs)
    assert [(i, j) for i, j, _ in pairs] == [(0, 1), (1, 2), (0, 2)]


def test_the_seed_draws_the_permutations_and_nothing_else_is_random() -> None:
    found = shingles(headlines(50))
    runs = [list(near_pairs(found, near=0.5, seed=seed).pairs) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert len(runs[2]) > 0


def test_texts_of_other_questions_or_of_the_same_side_are_not_compared() -> None:
    texts = ["今天天气很好啊"] * 4
    questions, sides = np.array([0, 0, 1, 1]), np.array([False, True, False, True])
    assert [(i, j) for i, j, _ in near_pairs(shingles(texts), near=0.9, questions=questions).pairs] == [(0, 1), (2, 3)]
    assert {(i, j) for i, j, _ in near_pairs(shingles(texts), near=0.9, sides=sides).pairs} == {
        (0, 1),
        (0, 3),
        (1, 2),
        (2, 3),
    }


def test_a_crowd_is_counted_and_each_of_it_is_compared_with_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million rows of one template must not become half a billion pairs."""
    monkeypatch.setattr(near_module, "CROWD", 5)
    found = near_pairs(shingles(["今天天气很好啊"] * 40), near=0.9)
    pairs = {(i, j) for i, j, _ in found.pairs}
    assert found.crowded == 40
    assert {(0, j) for j in range(1, 40)} <= pairs
    assert {(i, i + k) for k in range(1, 6) for i in range(40 - k)} <= pairs
    assert len(pairs) < 40 * 6


@pytest.mark.parametrize("texts", [[], ["今天"], ["", ""], ["", "今天", "😀"]])
def test_few_texts_and_empty_ones_have_no_pairs(texts: list[str]) -> None:
    assert len(near_pairs(shingles(texts), near=0.5).pairs) == 0


def test_bands_miss_two_percent_at_the_threshold_at_most() -> None:
    for near in (0.2, 0.3, 0.5, 0.6, 0.8, 0.95):
        bands, rows = bands_for(near)
        assert (1 - near**rows) ** bands <= 0.02
        assert bands * rows <= 256
    assert bands_for(0.5) == (64, 4)


@pytest.mark.parametrize("near", [0, -1, 1.5, 0.001])
def test_a_threshold_that_cannot_be_searched_for_is_refused(near: float) -> None:
    with pytest.raises(ConfigError, match=r"near = .*\n  fix: "):
        bands_for(near)


def test_a_shingle_has_a_word() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        shingles(["今天"], size=0)
