"""Wrong labels: the arithmetic of confident learning, folds that never leak, and lists that find what was planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.quality import Probabilities, find_suspects, sampling
from finetrie.data.quality import folds as folding
from finetrie.data.quality.confident import (
    TEMPERATURES,
    confident_joint,
    confident_labels,
    estimated_joint,
    fitted_temperature,
    label_thresholds,
    margins,
    scaled,
)
from finetrie.data.quality.folds import Item, are_spaced, assign_folds
from finetrie.files import json_line
from finetrie.records import Example, Span

quick = settings(max_examples=40, deadline=None)

WORDS = {
    "体育": ["球队", "比赛", "冠军", "教练", "进球", "联赛", "决赛", "射门"],
    "财经": ["股票", "基金", "银行", "利率", "央行", "上市", "债券", "涨停"],
    "科技": ["芯片", "手机", "软件", "算法", "机器人", "卫星", "代码", "网络"],
}
ENGLISH = {
    "sport": ["match", "goal", "coach", "team", "league", "player", "referee", "stadium"],
    "money": ["bank", "stock", "fund", "interest", "loan", "market", "bond", "dividend"],
}


def corpus(words: dict[str, list[str]], rows: int, *, seed: int = 0, between: str = "") -> list[Example]:
    """Texts of four words of their own label and one of another's."""
    random = Random(seed)
    drawn = []
    for i in range(rows):
        label = list(words)[i % len(words)]
        other = random.choice([word for name in words if name != label for word in words[name]])
        text = between.join(random.sample([*random.choices(words[label], k=4), other], k=5))
        drawn.append(Example(id=f"r{i}", text=f"{text}{between}{i}", target=label, origin=f"train.jsonl:{i + 1}"))
    return drawn


def planted(rows: list[Example], share: float, *, seed: int = 0) -> tuple[list[Example], set[str]]:
    """The rows with a share of labels replaced, and the ids of those."""
    random = Random(seed)
    labels = sorted({str(row.target) for row in rows})
    chosen = set(random.sample(range(len(rows)), round(share * len(rows))))
    changed = [
        replace(row, target=random.choice([x for x in labels if x != row.target])) if i in chosen else row
        for i, row in enumerate(rows)
    ]
    return changed, {rows[i].id for i in chosen}


probabilities = st.integers(2, 5).flatmap(
    lambda k: st.lists(
        st.tuples(st.lists(st.integers(1, 9), min_size=k, max_size=k), st.integers(0, k - 1)), min_size=1, max_size=30
    )
)


@quick
@given(rows=probabilities)
def test_the_confident_joint_is_what_the_paper_defines(rows: list[tuple[list[int], int]]) -> None:
    """Against the definition written with loops: thresholds, confident labels, counts and their calibration."""
    raw = np.array([numbers for numbers, _ in rows], dtype=np.float64)
    p, own = raw / raw.sum(axis=1, keepdims=True), np.array([label for _, label in rows])
    k = p.shape[1]
    thresholds = label_thresholds(p, own)
    joint = np.zeros((k, k))
    for x, i in zip(p, own, strict=True):
        for j in range(k):
            members = [q[j] for q, label in zip(p, own, strict=True) if label == j]
            assert thresholds[j] == pytest.approx(np.mean(members)) if members else np.isinf(thresholds[j])
        confident = [j for j in range(k) if x[j] >= thresholds[j] - 1e-6]
        if confident:
            joint[i, max(confident, key=lambda j: (x[j], -j))] += 1
    counted = confident_joint(own, confident_labels(p, thresholds), labels=k)
    assert counted.tolist() == joint.tolist()
    estimated = estimated_joint(counted, np.bincount(own, minlength=k))
    assert estimated.sum(axis=1) == pytest.approx(np.bincount(own, minlength=k))


@quick
@given(rows=probabilities)
def test_the_margin_lies_between_no_doubt_and_certainty(rows: list[tuple[list[int], int]]) -> None:
    raw = np.array([numbers for numbers, _ in rows], dtype=np.float64)
    p, own = raw / raw.sum(axis=1, keepdims=True), np.array([label for _, label in rows])
    margin, best = margins(p, own)
    assert ((margin >= 0) & (margin <= 1)).all()
    assert (best != own).all()
    for x, i, m in zip(p, own, margin, strict=True):
        other = max(x[j] for j in range(len(x)) if j != i)
        assert m == pytest.approx(other / (other + x[i]))


@quick
@given(rows=probabilities)
def test_the_temperature_makes_the_labels_most_probable(rows: list[tuple[list[int], int]]) -> None:
    """Against trying every temperature; scaling keeps sums and the order of the labels."""
    raw = np.array([numbers for numbers, _ in rows], dtype=np.float64)
    p, own = raw / raw.sum(axis=1, keepdims=True), np.array([label for _, label in rows])
    every = np.arange(len(own))
    losses = [-np.log(scaled(p, t)[every, own]).sum() for t in TEMPERATURES]
    found = scaled(p, fitted_temperature(p, own))
    assert -np.log(found[every, own]).sum() == pytest.approx(min(losses))
    assert found.sum(axis=1) == pytest.approx(np.ones(len(own)))
    assert (np.take_along_axis(found, p.argmax(axis=1)[:, None], 1).ravel() >= found.max(axis=1) - 1e-9).all()


@quick
@given(
    groups=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), min_size=1, max_size=60),
    folds=st.integers(2, 6),
    seed=st.integers(0, 3),
)
def test_folds_keep_groups_whole_and_spread_labels(groups: list[tuple[int, str]], folds: int, seed: int) -> None:
    items = [Item((f"text {g}",), label, str(g)) for g, label in groups]
    fold = assign_folds(items, folds=folds, seed=seed)
    by_group: dict[str, set[int]] = {}
    for item, place in zip(items, fold.tolist(), strict=True):
        by_group.setdefault(item.group, set()).add(place)
    assert all(len(places) == 1 for places in by_group.values())
    sizes = Counter(next(iter(places)) for places in by_group.values())
    assert max(sizes.values()) - min(sizes[k] for k in range(folds)) <= 1
    again = assign_folds(items[::-1], folds=folds, seed=seed)
    assert again.tolist() == fold.tolist()[::-1]


@pytest.mark.parametrize(("words", "between"), [(WORDS, ""), (ENGLISH, " ")], ids=["Chinese", "English"])
def test_planted_labels_are_found(words: dict[str, list[str]], between: str) -> None:
    rows, wrong = planted(corpus(words, 300, between=between), 0.05)
    suspects = find_suspects(rows)
    listed = {s.id for s in suspects.ranked}
    assert len(listed & wrong) >= 0.6 * len(wrong)
    assert len(listed & wrong) >= 0.9 * len(listed)
    first = {s.id for s in find_suspects(rows, limit=len(wrong)).ranked}
    assert len(first & wrong) >= 0.9 * len(wrong)
    truth = {row.id: row.target for row in corpus(words, 300, between=between)}
    assert all(s.suggested == truth[s.id] for s in suspects.ranked if s.id in wrong)


def test_clean_separable_rows_have_no_suspects() -> None:
    suspects = find_suspects(corpus(WORDS, 300))
    assert len(suspects.ranked) <= 2
    assert suspects.judged == 300
    assert not suspects.unjudged


def test_the_order_of_the_rows_is_no_matter() -> None:
    rows, _ = planted(corpus(WORDS, 150), 0.1)
    shuffled = Random(1).sample(rows, k=len(rows))
    assert find_suspects(rows, limit=40) == find_suspects(shuffled, limit=40)
    assert find_suspects(rows, limit=40).ranked[:10] == find_suspects(rows, limit=10).ranked


def test_a_copy_never_judges_its_twin() -> None:
    """Each text stands there twice under the same wrong label; only a leak between folds would call it right."""
    rows, wrong = planted(corpus(WORDS, 200), 0.05)
    copies = [replace(r, id=f"{r.id} copy", origin=f"copy:{i}", text=f" {r.text}！") for i, r in enumerate(rows)]
    listed = {s.id for s in find_suspects([*rows, *copies], limit=2 * len(wrong)).ranked}
    assert len(listed & wrong) >= 0.9 * len(wrong)


def test_evidence_names_what_speaks_for_the_suggestion_and_a_twin_that_has_it() -> None:
    rows = corpus(WORDS, 200)
    wrong = replace(rows[0], id="wrong", origin="other:1", target="财经", text="冠军球队教练比赛")
    twin = replace(wrong, id="twin", origin="other:2", target="体育")
    suspect = find_suspects([*rows, wrong, twin]).ranked[0]
    assert (suspect.id, suspect.given, suspect.suggested, suspect.partner) == ("wrong", "财经", "体育", "other:2")
    assert suspect.rule == "label_disagreement"
    assert suspect.score > 0.5
    assert suspect.probability_suggested > suspect.probability_given
    pieces = suspect.evidence.partition("for '体育': ")[2]
    assert any(word in pieces for word in ("冠军", "球队", "教练", "比赛"))
    assert "财经" in json_line(suspect).decode()


def test_a_suggestion_is_one_of_the_rows_own_candidates() -> None:
    """The text speaks for 体育, which the row does not offer."""
    rows = corpus(WORDS, 200)
    odd = Example("odd", "球队比赛冠军手机", "财经", "x:1", options=("财经", "科技"))
    suspects = [s for s in find_suspects([*rows, odd], limit=200).ranked if s.id == "odd"]
    assert [s.suggested for s in suspects] == ["科技"]


def test_probabilities_of_another_model_replace_the_built_in_one() -> None:
    rows = [Example(str(i), "whatever", "ab"[i % 2], f"f:{i}") for i in range(20)]
    values = np.array([[0.95, 0.05], [0.05, 0.95]] * 10)
    values[6] = [0.02, 0.98]
    values[7] = np.nan
    suspects = find_suspects(rows, probabilities=Probabilities(("a", "b"), values))
    assert [(s.id, s.suggested) for s in suspects.ranked] == [("6", "b")]
    assert suspects.ranked[0].score > 0.95
    assert suspects.agreement == pytest.approx(18 / 19)
    assert (suspects.judged, suspects.unjudged) == (19, {"b": 1})
    assert suspects.confusions == (("a", "b", 1),)
    with pytest.raises(ValueError, match=r"shape \(20, 2\); expected a line for each of 19"):
        find_suspects(rows[1:], probabilities=Probabilities(("a", "b"), values))


def test_labels_with_one_text_are_reported_not_judged() -> None:
    """Copies do not help: they would all stand on one side."""
    rows = corpus(WORDS, 60)
    alone = [Example(f"alone {i}", "独一无二", "罕见", f"x:{i}") for i in range(3)]
    suspects = find_suspects([*rows, *alone], limit=99)
    assert suspects.unjudged == {"罕见": 3}
    assert "罕见" not in {label for s in suspects.ranked for label in (s.given, s.suggested)}
    assert suspects.notices == ("3 rows were not judged: too few different texts bear '罕见' (3)",)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no row"),
        pytest.param(corpus(WORDS, 1), id="one row"),
        pytest.param(corpus(WORDS, 2), id="two labels of one row"),
        pytest.param([replace(e, target="体育") for e in corpus(WORDS, 9)], id="one label"),
        pytest.param([replace(e, target=None) for e in corpus(WORDS, 9)], id="unlabelled"),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_said(rows: list[Example]) -> None:
    suspects = find_suspects(rows, kind="classification")
    assert suspects.ranked == ()
    assert suspects.judged == 0
    assert sum(suspects.unjudged.values()) == sum(isinstance(e.target, str) for e in rows)


def test_free_answers_are_not_judged() -> None:
    assert find_suspects(corpus(WORDS, 9), kind="instruction").notices == ("free answers have no labels to compare",)


def test_strange_texts_are_judged_like_others() -> None:
    texts = ["", " ", "😀", "！！！", "a", "\u200b", "长" * 10_000, "\ud800", "你好", "\x02\x03"]
    rows = [Example(f"{i}", text, "ab"[i % 2], f"f:{i}") for i, text in enumerate(texts * 3)]
    suspects = find_suspects(rows, limit=len(rows))
    assert suspects.judged + sum(suspects.unjudged.values()) == len(rows)
    assert all(0 <= s.score <= 1 for s in suspects.ranked)


def test_many_labels_are_judged() -> None:
    rows = [Example(f"{i}", f"word{i % 60} thing{i}", f"label {i % 60}", f"f:{i}") for i in range(240)]
    rows[7] = replace(rows[7], target="label 30")
    ranked = find_suspects(rows, limit=1).ranked
    assert (ranked[0].id, ranked[0].suggested) == ("7", "label 7")


def test_rare_words_are_learned_from() -> None:
    """Each word stands in two rows of a thousand: gradients are small from the start, and no reason to stop there."""
    rows = [Example(f"{i}", f"word{i // 2} {'ab'[i % 2]}", "xy"[i // 2 % 2], f"f:{i}") for i in range(1000)]
    scores = [suspect.score for suspect in find_suspects(rows, limit=len(rows)).ranked]
    assert len(scores) == 1000
    assert scores[len(scores) // 2] < 0.2


def test_a_sample_is_fitted_but_every_row_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, wrong = planted(corpus(WORDS, 300), 0.05)
    monkeypatch.setattr(folding, "FIT_CHARACTERS", 1500)
    monkeypatch.setattr(folding, "BLOCK", 37)
    rare = [Example(f"rare {i}", f"航母演习第{i}次", "军事", f"x:{i}") for i in range(4)]
    suspects = find_suspects([*rows, *rare])
    assert suspects.judged == 304
    assert any("were fitted on a sample of" in notice for notice in suspects.notices)
    assert len({s.id for s in suspects.ranked} & wrong) >= 0.4 * len(wrong)
    assert not any(s.given == "军事" for s in suspects.ranked)


def test_two_models_are_enough_where_each_has_as_much_to_learn_from_as_one_of_five(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, wrong = planted(corpus(WORDS, 300), 0.05)
    # Five models would be fitted on 2/5 of the characters each. Two are, on one half of 4/5 of them.
    monkeypatch.setattr(folding, "FIT_CHARACTERS", sum(len(e.text) + 1 for e in rows) // 2)
    suspects = find_suspects(rows)
    notice = next(notice for notice in suspects.notices if "were fitted on a sample of" in notice)
    assert 235 <= int(notice.split("sample of ")[1].split()[0]) <= 245
    assert len({s.id for s in suspects.ranked} & wrong) >= 0.6 * len(wrong)


def test_of_very_many_rows_a_sample_with_every_label_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = corpus(WORDS, 300) + [Example(f"rare {i}", f"航母演习第{i}次", "军事", f"x:{i}") for i in range(6)]
    monkeypatch.setattr(sampling, "CHARACTERS", sum(len(e.text) for e in rows) // 3)
    monkeypatch.setattr(sampling, "FEWEST", 6)
    suspects = find_suspects(rows)
    assert suspects.labels == 306
    assert 90 <= suspects.judged <= 120
    assert suspects.notices[0].startswith(f"suspects were looked for among {suspects.judged} of 306 labels")
    chosen = sampling.sampled(rows, lambda e: len(e.text), seed=0)
    assert sum(e.target == "军事" for e in chosen) == 6
    assert find_suspects(rows[::-1]).ranked == suspects.ranked


def test_a_sample_of_annotated_rows_holds_rows_of_the_rarest_label(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Example(f"{i}", f"张伟{i}", (Span(0, 2, "PER"),), f"f:{i}") for i in range(100)]
    rows += [
        Example("both", "张伟在北京", (Span(0, 2, "PER"), Span(3, 5, "GPE")), "f:100"),
        Example("0", "无", (), "f:"),
    ]
    monkeypatch.setattr(sampling, "CELLS", 40)
    monkeypatch.setattr(sampling, "FEWEST", 1)
    chosen = sampling.sampled(rows, lambda e: len(e.text), seed=0)
    assert rows[100] in chosen
    assert rows[101] not in chosen
    assert 10 <= len(chosen) <= 30


def test_instructions_count_where_rows_have_different_ones() -> None:
    """The same texts are sorted by topic and by mood; without the instruction every label would look wrong."""
    rows = corpus(WORDS, 120)
    both = [replace(e, instruction="topic") for e in rows]
    both += [replace(e, id=f"{e.id} mood", instruction="mood", target="neutral") for e in rows]
    assert len(find_suspects(both).ranked) <= 5


def test_a_wrong_entity_label_is_found_by_words_and_context() -> None:
    rows = []
    for i in range(120):
        name, city = f"{'张王李赵'[i % 4]}{'伟芳娜敏静'[i % 5]}", f"{'东西南北'[i % 4]}{'州京海江'[i % 3]}市"
        text = f"{name}先生昨天来到{city}开会{i}"
        spans = (Span(0, 2, "PER"), Span(text.index(city), text.index(city) + 3, "GPE"))
        rows.append(Example(f"{i}", text, spans, f"f:{i}"))
    rows[5] = replace(rows[5], target=(replace(rows[5].target[0], label="GPE"), rows[5].target[1]))  # type: ignore
    suspects = find_suspects(rows)
    assert suspects.judged == 240
    first = suspects.ranked[0]
    assert (first.id, first.given, first.suggested, first.span) == ("5", "GPE", "PER", Span(0, 2, "GPE"))
    assert first.rule == "entity_label_disagreement"
    assert rows[5].text[:2] in first.evidence
    assert len(suspects.ranked) <= 3


def test_rows_without_entities_have_nothing_to_judge() -> None:
    assert find_suspects([Example("1", "x", (), "f:1")], kind="ner").judged == 0


@pytest.mark.parametrize(
    ("text", "spaced"),
    [
        ("The bank raised its rates", True),
        ("央行今天加息", False),
        ("iPhone手机发布会上的芯片", False),
        ("은행이 금리를 올렸다", True),
        ("เขาไปตลาด", False),
        ("ソフトウェアの更新", False),
        ("打开灯", False),
        ("", False),
    ],
)
def test_words_are_features_only_where_spaces_divide_them(text: str, spaced: bool) -> None:
    assert are_spaced([text]) is spaced
