from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.keys import exact_key
from finetrie.data.mixing import Mixed, Source, Taken, mix
from finetrie.errors import ConfigError
from finetrie.records import Example, Span
from tests.unit.data.writing import examples

quick = settings(max_examples=60, deadline=None)
sizes = st.lists(st.integers(0, 40), min_size=1, max_size=4)


def source(name: str, rows: int, **settings: object) -> Source:
    """A source of rows with three labels, unlike any row of another source."""
    labels = ["a", "a", "b", "c"]
    drawn = examples([labels[i % 4] for i in range(rows)], file=f"{name}.jsonl", prefix=name)
    return Source(name, drawn, **settings)  # type: ignore[arg-type]


def closes(mixed: Mixed) -> bool:
    return all(t.rows == t.taken + t.duplicates + t.left_out for t in mixed.taken.values())


@quick
@given(sizes=sizes, seed=st.integers(0, 3), stratify=st.booleans())
def test_without_weights_or_caps_nothing_is_left_out(sizes: list[int], seed: int, stratify: bool) -> None:
    mixed = mix([source(f"s{i}", n) for i, n in enumerate(sizes)], seed=seed, stratify=stratify)
    assert len(mixed.examples) == sum(sizes)
    assert [t.taken for t in mixed.taken.values()] == sizes
    assert not mixed.rejected
    assert closes(mixed)


@quick
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    weights=st.lists(st.sampled_from([0.5, 1.0, 2.0, 7.0]), min_size=4, max_size=4),
    counts=st.lists(st.integers(1, 160), min_size=2, max_size=4),
)
def test_a_smaller_mix_is_the_beginning_of_a_larger_one(
    sizes: list[int], weights: list[float], counts: list[int]
) -> None:
    sources = [source(f"s{i}", n, weight=w) for i, (n, w) in enumerate(zip(sizes, weights, strict=False))]
    drawn = [mix(sources, rows=n).examples for n in sorted(counts)]
    assert all(large[: len(small)] == small for small, large in pairwise(drawn))
    assert drawn[-1] == mix(sources).examples[: len(drawn[-1])]


@quick
@given(
    weights=st.lists(st.sampled_from([1.0, 2.0, 3.0, 8.0]), min_size=2, max_size=4),
    rows=st.integers(1, 60),
)
def test_weights_divide_the_rows_as_an_apportionment_by_hand_does(weights: list[float], rows: int) -> None:
    """The definition of Sainte-Laguë's method, one seat at a time."""
    sources = [source(f"s{i}", 100, weight=w) for i, w in enumerate(weights)]
    seats = [0] * len(weights)
    for _ in range(rows):
        quotients = [weight / (2 * seat + 1) for weight, seat in zip(weights, seats, strict=True)]
        seats[quotients.index(max(quotients))] += 1
    counts = [t.taken for t in mix(sources, rows=rows).taken.values()]
    assert sum(counts) == rows
    assert all(abs(count - seat) <= 1 for count, seat in zip(counts, seats, strict=True))  # ties may go either way


def test_a_weight_is_kept_when_its_source_is_used_up() -> None:
    mixed = mix([source("large", 900, weight=3), source("small", 100, weight=1)])
    assert mixed.taken == {"large": Taken(900, 300, 0, 600), "small": Taken(100, 100, 0, 0)}
    asked = mix([source("large", 900, weight=3), source("small", 100, weight=1)], rows=800)
    assert len(asked.examples) == 400
    assert asked.notices == ("800 rows were asked for; caps and weights leave 400",)


def test_a_cap_keeps_the_proportions_of_the_labels() -> None:
    mixed = mix([source("one", 400, cap=40), source("two", 10)])
    assert mixed.taken == {"one": Taken(400, 40, 0, 360), "two": Taken(10, 10, 0, 0)}
    kept = Counter(e.target for e, name in zip(mixed.examples, mixed.sources, strict=True) if name == "one")
    assert all(abs(kept[label] - share) <= 1 for label, share in {"a": 20, "b": 10, "c": 10}.items())


def test_a_sorted_source_gives_every_label_unless_asked_otherwise() -> None:
    rows = examples(["a"] * 300 + ["rare"] * 2)
    assert "rare" in {e.target for e in mix([Source("s", rows)], rows=10).examples}
    plain = mix([Source("s", rows)], rows=10, stratify=False, seed=1)
    assert [e.origin for e in plain.examples] != [e.origin for e in rows[:10]]


def test_the_seed_decides_and_nothing_else() -> None:
    sources = [source("one", 50, weight=1), source("two", 50, weight=2)]
    assert mix(sources, seed=1) == mix(sources, seed=1)
    assert mix(sources, seed=1).examples != mix(sources, seed=2).examples
    alone = list(mix([sources[0]], seed=1).examples[:10])
    both = [e for e in mix(sources, seed=1).examples if e.id.startswith("one/")][:10]
    assert alone == both


def test_ids_are_unique_and_tell_the_source_and_origins_stay() -> None:
    """Also where sources share ids and origins, and where a name with a number is already somebody's id."""
    rows = examples(["a", "b", "a"])
    rows = [replace(rows[0], id="1"), replace(rows[1], id="1"), replace(rows[2], id="1#2")]
    others = [replace(row, text=f"other {row.text}") for row in rows]
    mixed = mix([Source("x", rows), Source("y", others)])
    assert len({e.id for e in mixed.examples}) == len(mixed.examples) == 6
    assert {e.id.split("/")[0] for e in mixed.examples} == {"x", "y"}
    assert sorted(e.origin for e in mixed.examples) == sorted(e.origin for e in (*rows, *others))


def test_a_row_in_two_sources_is_kept_once_with_its_partner() -> None:
    one, two = source("one", 8), source("two", 8)
    shared = replace(one.examples[3], id="copy", origin="two.jsonl:9", text=f" {one.examples[3].text}\n")
    mixed = mix([one, Source("two", [*two.examples, shared])])
    assert [(r.origin, r.rule, r.partner) for r in mixed.rejected] == [("two.jsonl:9", "mix_duplicate", "one.jsonl:4")]
    assert mixed.taken["two"] == Taken(9, 8, 1, 0)
    assert len(mixed.examples) == 16


def test_a_copy_with_another_label_is_a_conflict_that_names_both() -> None:
    one = source("one", 4)
    other = replace(one.examples[0], target="b", origin="two.jsonl:1")
    (conflict,) = mix([one, Source("two", [other])]).rejected
    assert (conflict.rule, conflict.partner, conflict.text) == ("mix_conflict", "one.jsonl:1", other.text)
    assert "labelled 'b' there 'a'; decide which is right" in conflict.reason
    entity = Example("1", "去南京", (Span(1, 3, "GPE"),), "a:1")
    (conflict,) = mix([Source("a", [entity]), Source("b", [replace(entity, target=(), origin="b:1")])]).rejected
    assert "labelled no entity there GPE 1-3" in conflict.reason


def test_what_a_cap_leaves_out_displaces_nothing() -> None:
    """A row that can never be drawn is no reason to drop its copy."""
    one = source("one", 50, cap=5)
    mixed = mix([one, Source("two", [replace(e, origin=f"two:{e.origin}") for e in one.examples])])
    assert mixed.taken["two"] == Taken(50, 45, 5, 0)
    assert len({exact_key(e) for e in mixed.examples}) == len(mixed.examples) == 50


def test_copies_inside_one_source_are_for_others_to_judge() -> None:
    rows = examples(["a", "b"])
    assert len(mix([Source("s", [*rows, replace(rows[0], id="again")])]).examples) == 3


def test_reasoning_follows_its_row() -> None:
    one = source("one", 30)
    told = [replace(e, reasoning=f"because {e.id}") if i % 2 else e for i, e in enumerate(one.examples)]
    mixed = mix([Source("one", told), source("two", 30)], rows=40)
    expected = {f"one/{e.id}": e.reasoning for e in told} | {f"two/{e.id}": None for e in source("two", 30).examples}
    assert {e.id: e.reasoning for e in mixed.examples}.items() <= expected.items()
    assert any(e.reasoning for e in mixed.examples)


def test_reasoning_of_a_dropped_copy_is_handed_over_or_recorded() -> None:
    row = examples(["a"])[0]
    agreeing = replace(row, id="x", origin="t:1", reasoning="since")
    differing = replace(row, id="y", origin="t:2", target="b", reasoning="no")
    mixed = mix([Source("s", [row]), Source("t", [agreeing, differing])])
    assert [(e.id, e.reasoning) for e in mixed.examples] == [(f"s/{row.id}", "since")]
    assert [r.row["reasoning"] for r in mixed.rejected] == ["since", "no"]
    assert "its reasoning was handed to that row" in mixed.rejected[0].reason


def test_an_empty_source_is_named_and_does_not_end_the_mix() -> None:
    mixed = mix([source("one", 10, weight=1), source("none", 0, weight=1), source("two", 10, weight=1)])
    assert len(mixed.examples) == 20
    assert mixed.notices == ("source 'none' has no rows of its own; the others share its part",)


def test_every_problem_of_the_sources_stands_in_one_message() -> None:
    bad = [source("x", 2, weight=-1), source("x", 2, cap=0), source("y", 1)]
    with pytest.raises(ConfigError) as caught:
        mix(bad, rows=0)
    message = str(caught.value)
    for part in (
        "called 'x'",
        "above 0, got -1",
        "cap must be 1",
        "have no weight",
        "rows must be",
        "fix:",
    ):
        assert part in message
    with pytest.raises(ConfigError, match="no sources"):
        mix([])
