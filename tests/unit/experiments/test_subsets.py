"""Training subsets of a curve are nested and stratified, show every label, and keep copies together."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.keys import loose_key
from finetrie.data.labels import labels_of
from finetrie.errors import ConfigError
from finetrie.experiments.subsets import Subsets, dev_subset
from finetrie.records import Example, Span


def rows(texts: list[tuple[int, str]]) -> list[Example]:
    return [Example(f"{i}", f"text {n}", label, f"file:{i + 1}") for i, (n, label) in enumerate(texts)]


some_rows = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("aaaabbc")), min_size=3, max_size=120).map(rows)


@given(examples=some_rows, seed=st.integers(0, 5), sizes=st.lists(st.integers(0, 10_000), min_size=2, max_size=5))
def test_subsets_are_nested_whole_and_show_every_label(examples: list[Example], seed: int, sizes: list[int]) -> None:
    subsets = Subsets(examples, kind="classification", seed=seed)
    asked = sorted(subsets.least + size % (len(examples) - subsets.least + 1) for size in sizes)
    drawn = [set(subsets.of(size)) for size in asked]
    assert all(small <= large for small, large in pairwise(drawn))
    labels = {example.target for example in examples}
    for size, chosen in zip(asked, drawn, strict=True):
        assert len(chosen) <= size
        assert {examples[i].target for i in chosen} == labels
        inside = {loose_key(examples[i]) for i in chosen}
        assert not inside & {loose_key(e) for i, e in enumerate(examples) if i not in chosen}
    assert subsets.of(len(examples)) == list(range(len(examples)))


@given(labels=st.lists(st.sampled_from("aaaabbc"), min_size=3, max_size=150), seed=st.integers(0, 3))
def test_without_copies_every_size_is_exact_and_stratified(labels: list[str], seed: int) -> None:
    examples = rows(list(enumerate(labels)))
    subsets = Subsets(examples, kind="classification", seed=seed)
    counts = Counter(labels)
    assert subsets.least == len(counts)
    for size in range(subsets.least, len(examples) + 1):
        drawn = Counter(examples[i].target for i in subsets.of(size))
        assert drawn.total() == size
        for label, count in counts.items():
            assert abs(drawn[label] - size * count / len(labels)) <= len(counts)


@pytest.mark.parametrize("size", [50, 100, 250, 500, 1000])
def test_round_sizes_are_exact_although_many_texts_have_copies(size: int) -> None:
    numbers = [n for n in range(900) for _ in range(1 + (n % 5 == 0) + (n % 35 == 0) * 3)]
    examples = rows([(n, "abc"[n % 3]) for n in numbers])
    assert len(Subsets(examples, kind="classification", seed=0).of(size)) == size


def test_a_text_with_many_copies_does_not_fill_a_small_subset() -> None:
    examples = rows([(0, "a")] * 500 + [(n, "a") for n in range(1, 400)] + [(n, "b") for n in range(400, 500)])
    for seed in range(5):
        chosen = Subsets(examples, kind="classification", seed=seed).of(100)
        assert len({examples[i].text for i in chosen}) == 100


def test_only_copies_still_give_subsets_in_time() -> None:
    examples = rows([(n // 2, "ab"[n // 2 % 2]) for n in range(40_000)])
    begun = process_time()
    subsets = Subsets(examples, kind="classification", seed=0)
    assert process_time() - begun < 20  # a quadratic walk takes minutes
    assert len(subsets.of(101)) == 100


def test_seeds_draw_other_rows_and_the_same_seed_the_same() -> None:
    examples = rows([(n, "ab"[n % 2]) for n in range(200)])
    first, again, other = (Subsets(examples, kind="classification", seed=seed).of(50) for seed in (0, 0, 1))
    assert first == again != other


def test_entity_rows_show_every_label_without_a_row_of_every_combination() -> None:
    names = ("PER", "LOC", "ORG", "GPE")
    examples = []
    for i in range(600):
        labels = [name for bit, name in enumerate(names) if i % 40 < 16 and i >> bit & 1]
        spans = tuple(Span(5 * k, 5 * k + 4, name) for k, name in enumerate(labels))
        examples.append(Example(f"{i}", f"{i:04} " * 5, spans, f"file:{i + 1}"))
    subsets = Subsets(examples, kind="ner", seed=0)
    assert subsets.least <= len(names)
    chosen = subsets.of(20)
    assert {label for i in chosen for label in labels_of(examples[i], kind="ner")} == set(names)
    without = sum(not examples[i].target for i in chosen)
    assert without >= 8  # of 20 rows; 62 % of all rows have no entity


def test_sizes_that_cannot_be_are_told_with_what_there_is() -> None:
    subsets = Subsets(rows([(n, "abc"[n % 3]) for n in range(30)]), kind="classification", seed=0)
    with pytest.raises(ConfigError, match=r"sizes 31: there are only 30 training rows.*\n.*at most 30; \"all\""):
        subsets.of(31)
    with pytest.raises(ConfigError, match=r"sizes 2: a row of every label takes at least 3 rows"):
        subsets.of(2)


def test_dev_rows_are_nested() -> None:
    examples = rows([(n, "ab"[n % 2]) for n in range(60)])
    drawn = [set(dev_subset(examples, n, kind="classification", seed=0)) for n in (4, 20, 60)]
    assert drawn[0] < drawn[1] < drawn[2]
    assert [len(one) for one in drawn] == [4, 20, 60]
