"""Word lists and a classifier of the user's: what is found, where, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.cleaning import steps_from
from finetrie.data.policy import (
    EXAMPLE_CATEGORIES,
    Action,
    AskedClassifier,
    Category,
    Classifier,
    Policy,
    fold,
    read_categories,
    read_classifier,
)
from finetrie.data.preparation import ROWS_AT_ONCE, Plan, prepare_rows
from finetrie.errors import ConfigError, DataError
from finetrie.records import Example, Span

pytest.importorskip("ahocorasick", reason="word lists need pyahocorasick")


def row(text: str, *spans: Span, **changes: object) -> Example:
    return Example(**{"id": "1", "text": text, "target": spans or None, "origin": "a:1", **changes})  # type: ignore[arg-type]


def found(text: str, *phrases: str) -> list[str]:
    return [hit.found for hit in Policy((Category("c", phrases),)).find(text)]


@pytest.mark.parametrize(
    ("text", "phrase", "hits"),
    [
        ("网上赌博违法", "赌博", ["赌博"]),
        ("去ＣＡＳＩＮＯ玩", "casino", ["ＣＡＳＩＮＯ"]),
        ("Casino, CASINO; casinos occasino", "casino", ["Casino", "CASINO"]),
        ("赌\u200b博和赌\ufe0f博", "赌博", ["赌\u200b博", "赌\ufe0f博"]),
        ("加VX领取，加vx123", "加vx", ["加VX"]),
        ("STRASSE Straße", "straße", ["STRASSE", "Straße"]),
        ("㈱abc ①", "(株)", ["㈱"]),
        ("ﬁne print", "fine print", ["ﬁne print"]),
        ("é cafe\u0301", "café", ["cafe\u0301"]),
        ("c++ and c", "c++", ["c++"]),
        ("카지노에서", "카지노", ["카지노"]),
        ("赌博赌博", "赌博", ["赌博", "赌博"]),
        ("", "赌博", []),
    ],
)
def test_phrases_are_found_in_any_form_and_latin_ones_as_whole_words(text: str, phrase: str, hits: list[str]) -> None:
    assert found(text, phrase) == hits


def test_the_longest_of_overlapping_phrases_counts_and_each_category_has_its_own() -> None:
    assert found("在线博彩网站", "博彩", "在线博彩", "博彩网站") == ["在线博彩", "博彩网站"]
    policy = Policy((Category("a", ("在线博彩",)), Category("b", ("博彩",), "drop")))
    assert [(hit.category, hit.start, hit.end) for hit in policy.find("在线博彩")] == [("a", 0, 4), ("b", 2, 4)]


@settings(max_examples=200)
@given(
    text=st.text(
        st.sampled_from("赌博aAＡﬁß①é\u0301\u200b 　，İ") | st.characters(exclude_categories=["Cs"]), max_size=20
    )
)
def test_offsets_of_the_folded_text_lead_back_to_the_text(text: str) -> None:
    folded, starts, ends = fold(text)
    assert len(folded) == len(starts) == len(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert list(starts) == sorted(starts)
    assert list(ends) == sorted(ends)


@settings(max_examples=200)
@given(
    text=st.text("赌博彩票aAＡb \u200b", max_size=16),
    phrases=st.lists(st.text("赌博彩票ab", min_size=1, max_size=3), max_size=4, unique=True),
)
def test_every_hit_is_the_phrase_and_no_phrase_is_missed(text: str, phrases: list[str]) -> None:
    """Against a plain search in texts whose words are Chinese, where nothing has to stand alone."""
    chinese = text.translate(dict.fromkeys(map(ord, "aAＡb")))
    phrases = [phrase for phrase in phrases if not phrase.strip("赌博彩票")]
    hits = Policy((Category("c", tuple(phrases)),)).find(chinese)
    visible = "".join(chinese.split("\u200b"))
    assert {p for p in phrases if p in visible} >= {hit.phrase for hit in hits}
    assert bool(hits) == any(phrase in visible for phrase in phrases)
    for hit in hits:
        assert fold(hit.found)[0] == hit.phrase


def test_masked_words_keep_their_length_and_entities_stay() -> None:
    policy = Policy((Category("gambling", ("在线博彩",), "mask"),))
    verdict = policy.judge(row("张三的在线博彩网站在澳门", Span(0, 2, "PER"), Span(3, 9, "ORG"), Span(10, 12, "LOC")))
    assert verdict.example.text == "张三的****网站在澳门"
    assert verdict.example.target == (Span(0, 2, "PER"), Span(3, 9, "ORG"), Span(10, 12, "LOC"))
    (change,) = verdict.changes
    assert (change.rule, change.origin, change.before[3:7]) == ("policy_mask", "a:1", "在线博彩")
    assert verdict.drop is None
    assert policy.judge(verdict.example).hits == ()


def test_a_token_in_place_of_masked_words_moves_the_entities() -> None:
    policy = Policy((Category("ads", ("加微信领取", "微信领取好礼"), "mask", token="[广告]"),))
    verdict = policy.judge(row("请加微信领取好礼，张三", Span(9, 11, "PER"), Span(5, 7, "ORG")))
    assert verdict.example.text == "请[广告][广告]，张三"
    assert verdict.example.target == (Span(10, 12, "PER"),)
    assert [lost.surface for lost in verdict.lost] == ["取好"]


def test_drop_and_flag_name_category_words_and_place() -> None:
    policy = Policy((Category("gambling", ("百家乐",), "drop"), Category("ads", ("扫码领取",))))
    verdict = policy.judge(row("百家乐，扫码领取"))
    assert verdict.drop is not None
    assert (verdict.drop.rule, verdict.drop.reason) == ("policy", "category 'gambling': '百家乐' at 0 of the text")
    assert [(flag.category, flag.origin, flag.found, flag.start) for flag in verdict.flags] == [
        ("ads", "a:1", "扫码领取", 4)
    ]
    assert verdict.example.text == "百家乐，扫码领取"


def test_other_parts_are_looked_at_when_asked_for() -> None:
    policy = Policy((Category("c", ("赌博",), "mask"),))
    example = row("好", instruction="赌博", history=({"role": "user", "content": "也赌博"},))
    assert policy.judge(example).example is example
    verdict = policy.judge(example, parts=("text", "instruction", "history"))
    assert [hit.part for hit in verdict.hits] == ["instruction", "history[0]"]
    assert verdict.example.instruction == "**"
    assert verdict.example.history[0]["content"] == "也**"


@pytest.mark.parametrize(
    ("label", "probability", "dropped", "flags"),
    [
        ("violence", 0.9, True, 0),
        ("violence", 0.4, False, 0),
        ("spam", 0.9, False, 1),
        ("fine", 1.0, False, 0),
        ("spam", float("nan"), False, 0),
    ],
)
def test_a_classifier_of_the_users_decides_by_label_and_threshold(
    label: str, probability: float, dropped: bool, flags: int
) -> None:
    actions: dict[str, Action] = {"violence": "drop", "spam": "flag"}
    policy = Policy((), Classifier(lambda texts: [(label, probability)] * len(texts), actions))
    (classified,) = policy.classified([row("任何文本")])
    verdict = policy.judge(row("任何文本"), classified=classified)
    assert (verdict.drop is not None) == dropped
    assert len(verdict.flags) == flags
    if verdict.drop:
        assert verdict.drop == type(verdict.drop)("policy", "category 'violence': the classifier, 0.90", 0.9)


def test_a_classifier_sees_many_cleaned_texts_at_once_and_every_row_has_its_own_answer() -> None:
    asked: list[list[str]] = []

    def classify(texts: Sequence[str]) -> list[tuple[str, float]]:
        asked.append(list(texts))
        return [("spam" if "买" in text else "fine", 0.75) for text in texts]

    rows = [row(f"<b>第{i}条{'买' if i % 3 == 0 else ''}</b>", id=str(i), origin=f"a:{i}") for i in range(1200)]
    plan = Plan(steps=steps_from(["html"]), policy=Policy((), Classifier(classify, {"spam": "drop"})))
    ready = prepare_rows(rows, plan, kind="ner")
    assert [len(texts) for texts in asked] == [ROWS_AT_ONCE, ROWS_AT_ONCE, 1200 - 2 * ROWS_AT_ONCE]
    assert asked[0][0] == "第0条买"
    assert [r.origin for r in ready.rejected] == [f"a:{i}" for i in range(0, 1200, 3)]
    assert {r.reason for r in ready.rejected} == {"category 'spam': the classifier, 0.75"}
    held = prepare_rows(rows[:2], plan, kind="ner", reduce=False)
    assert len(held.examples) == 2, "a test set keeps all of its rows"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Category("c", ("a",), "delete"), "unknown action 'delete'"),  # type: ignore[arg-type]
        (lambda: Classifier(lambda texts: [], {"c": "mask"}), "choose drop or flag: a classifier shows no words"),
        (lambda: Category("c", (" ",)), "is empty"),
        (lambda: Category("c", ("\u200b",)), "is empty"),
        (lambda: Policy((Category("c"), Category("c"))), "two categories are called 'c'"),
        (
            lambda: Policy((Category("c", ("广告",), "mask", "[广告]"),)),
            r"its token '\[广告\]' holds the phrase '广告'",
        ),
    ],
)
def test_a_policy_that_cannot_work_is_refused(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]


def test_lists_are_read_from_files(tmp_path: Path) -> None:
    plain, tables = tmp_path / "广告.txt", tmp_path / "policy.toml"
    plain.write_text("\ufeff# remarks\n扫码领取\r\n\n limited offer \n扫码领取\n", encoding="utf-8")
    tables.write_text('[gambling]\naction = "mask"\nphrases = ["百家乐"]\n[spam]\nphrases = []\n', encoding="utf-8")
    assert read_categories(plain) == (Category("广告", ("扫码领取", "limited offer")),)
    assert read_categories(str(tables)) == (Category("gambling", ("百家乐",), "mask"), Category("spam"))


def test_a_file_may_name_a_run_that_classifies(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    lists = '[gambling]\nphrases = ["百家乐"]\n'
    path.write_text(lists, encoding="utf-8")
    assert read_classifier(path) is None
    path.write_text(
        lists + '[classifier]\nrun = "runs/x"\nactions = {spam = "drop"}\nthreshold = 1\n', encoding="utf-8"
    )
    assert read_classifier(path) == AskedClassifier(path, tmp_path / "runs" / "x", {"spam": "drop"}, 1.0)
    assert [category.name for category in read_categories(path)] == ["gambling"]


@pytest.mark.parametrize("table", ['run = "x"', 'actions = {a = "drop"}', 'run = "x"\nactions = {}', "runn = 1"])
def test_a_classifier_without_a_run_or_actions_is_refused(tmp_path: Path, table: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(f"[classifier]\n{table}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"\[classifier\] must hold run .*\n  fix: write it like this"):
        read_classifier(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"[x]\nphrases = 3\n", r"\[x\] must hold phrases"),
        ("a.toml", b"[x]\nwords = ['a']\n", r"\[x\] must hold phrases"),
        ("a.toml", b"x = 1\n", r"\[x\] must hold phrases"),
        ("a.toml", b"[x\n", "not valid TOML"),
        ("a.txt", b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_categories(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_categories(tmp_path / "missing.txt")


def test_the_example_lists_find_what_they_are_for() -> None:
    policy = Policy(EXAMPLE_CATEGORIES)
    assert {hit.category for hit in policy.find("真人荷官在线，扫码领取彩金")} == {"gambling", "advertising"}
    assert policy.find("今日股市上涨，球队夺冠，扫码入园") == ()


def test_a_thousand_phrases_and_a_long_text_take_one_pass() -> None:
    phrases = tuple(f"词{number}尾" for number in range(1000))
    hits = Policy((Category("c", phrases),)).find("词7尾，" * 20_000)
    assert len(hits) == 20_000
