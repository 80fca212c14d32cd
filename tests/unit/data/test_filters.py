"""Each filter answers with None or a reason, and never raises on a strange row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.filters import FILTERS, Drop, Filter, filters_from, first_drop
from finetrie.data.filters.language import guess_language
from finetrie.data.filters.machine import tell_tales
from finetrie.errors import ConfigError, UnknownName
from finetrie.records import Example, Span

NEEDED: dict[str, dict[str, Any]] = {
    "tokens": {"min": 2, "max": 50},
    "language": {"keep": ["zh"]},
    "columns": {"require": ["score >= 3", 'source in ["a"] or not draft']},
    "labels": {"keep": ["体育"], "drop": ["X"]},
}


def row(text: str = "今天的股市上涨了百分之三", **changes: Any) -> Example:
    return Example(**{"id": "1", "text": text, "target": None, "origin": "train.jsonl:1", **changes})


def filter_by(name: str, **parameters: Any) -> Filter:
    if name == "language":
        pytest.importorskip("py3langid", reason="the filter language needs py3langid")
    return filters_from([{"name": name, **parameters}], given={"count": len})[0]


def says(name: str, text: str, **parameters: Any) -> Drop | None:
    return filter_by(name, **parameters)(row(text))


strange_values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.text(max_size=2))
)
strange_rows = st.builds(
    row,
    text=st.text(st.characters(), max_size=60)
    | st.sampled_from(["", " ", "\ud800", "a" * 5000, "哈" * 5000, "\n" * 500]),
    target=st.none() | st.text(max_size=5) | st.just((Span(0, 1, "X"),)) | st.just(()),
    instruction=st.none() | st.text(max_size=5),
)


@pytest.mark.parametrize("name", FILTERS.names())
@settings(max_examples=100)
@given(example=strange_rows, columns=st.dictionaries(st.sampled_from(["score", "source", "draft"]), strange_values))
def test_a_filter_never_raises_and_gives_its_reason(name: str, example: Example, columns: dict[str, Any]) -> None:
    drop = filter_by(name, **NEEDED.get(name, {}))(example, columns)
    if drop is not None:
        assert drop.rule == name
        assert drop.reason
        rejection = drop.rejection(example)
        assert (rejection.origin, rejection.rule, rejection.text) == (example.origin, name, example.text)


@pytest.mark.parametrize("name", FILTERS.names())
def test_a_filter_takes_linear_time_on_a_long_line(name: str) -> None:
    ask = filter_by(name, **NEEDED.get(name, {}))
    for text in ("哈" * 200_000, "ab " * 70_000, "作为" * 100_000, "sorry " * 30_000, "!?" * 100_000):
        ask(row(text), {"score": "x" * 200_000})


@pytest.mark.parametrize("name", FILTERS.names())
def test_every_filter_says_what_it_keeps_and_leaves_an_ordinary_row(name: str) -> None:
    assert (FILTERS.get(name).__doc__ or "").strip()
    columns = {"score": 4, "source": "a"}
    assert filter_by(name, **NEEDED.get(name, {}))(row(target="体育"), columns) is None


def test_the_first_filter_that_drops_gives_the_reason() -> None:
    filters = filters_from([{"name": "characters", "min": 3}, {"name": "labels", "drop": ["a"]}])
    assert first_drop(row("一二三", target="b"), filters) is None
    assert first_drop(row("一二", target="a"), filters) == Drop("characters", "2 characters, fewer than 3", 2)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (["charcters"], UnknownName, "did you mean 'characters'"),
        ([{"name": "characters", "min": 9, "max": 3}], ConfigError, "min 9 is above max 3"),
        ([{"name": "characters", "min": "9"}], ConfigError, "characters: min: .*got '9'"),
        (["tokens"], ConfigError, "needs the parameter 'count'"),
        (["columns"], ConfigError, "prepare.filters: columns: needs the parameter 'require'"),
        ([{"name": "repeated_ngrams", "n": 0}], ConfigError, "n must be 1 or more, got 0"),
        ([{"name": "repeated_characters", "run": 1}], ConfigError, "run must be 2 or more, got 1"),
        (["labels"], ConfigError, "give keep, drop or both"),
        ([{"name": "machine_written", "kinds": ["refusals"]}], ConfigError, "did you mean 'refusal'"),
    ],
)
def test_a_wrong_choice_is_refused_with_what_there_is(asked: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        filters_from(asked)


def test_lengths_count_characters_without_the_ends_and_tokens_as_given() -> None:
    assert says("characters", "  一二三 \n", min=3, max=3) is None
    assert says("characters", " ") == Drop("characters", "0 characters, fewer than 1", 0)
    assert says("characters", "一二三四", max=3) == Drop("characters", "4 characters, more than 3", 4)
    (tokens,) = filters_from([{"name": "tokens", "max": 2}], given={"count": lambda text: len(text.split())})
    assert tokens(row("a b")) is None
    assert tokens(row("a b c")) == Drop("tokens", "3 tokens, more than 2", 3)


@pytest.mark.parametrize(
    ("name", "kept", "dropped", "evidence"),
    [
        ("repeated_characters", "哈哈哈哈，好笑，是吗？" * 3, "啊啊啊啊啊啊啊啊好", "8 times '啊'"),
        ("repeated_lines", "一\n二\n三\n四\n一", "广告\n正文\n广告\n广告", "'广告'"),
        (
            "repeated_ngrams",
            "".join(map(chr, range(0x4E00, 0x4F00))),
            "重要的事情需要说上三遍才行。" * 3,
            "重要的事情需",
        ),
        ("symbols", "他说：“好的！”（笑）然后走了", "★☆★☆ 特价 ！！！→→→", "'！'"),
    ],
)
def test_repetition_and_symbols(name: str, kept: str, dropped: str, evidence: str) -> None:
    assert says(name, kept) is None
    drop = says(name, dropped)
    assert drop is not None
    assert drop.score is not None
    assert 0 < drop.score <= 1
    assert evidence in drop.reason


def test_the_share_of_repeated_stretches_counts_each_word_once() -> None:
    drop = says("repeated_ngrams", "a b c d " * 3, n=2, max_share=0.0)
    assert drop is not None
    assert drop.score == pytest.approx(8 / 12)


@pytest.mark.parametrize(
    ("text", "code", "evidence"),
    [
        ("央行宣布降准", "zh", "script"),
        ("iPhone 15 Pro Max 发布，售价 999 美元", "zh", "script"),
        ("鲜の每日坚果礼盒装", "zh", "script"),
        ("今日は株価が上がりました", "ja", "script"),
        ("오늘 주식 시장이 상승했습니다", "ko", "script"),
        ("OK", None, "too few letters"),
        ("123 456 !!!", None, "too few letters"),
        ("", None, "too few letters"),
        ("https://example.com/a-very-long-path-of-words", None, "too few letters"),
    ],
)
def test_the_script_tells_east_asian_languages_and_short_texts_have_none(
    text: str, code: str | None, evidence: str
) -> None:
    guess = guess_language(text)
    assert (guess.code, guess.evidence, guess.probability) == (code, evidence, None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The stock market rose by three percent this morning.", "en"),
        ("Der Aktienmarkt ist heute Morgen um drei Prozent gestiegen.", "de"),
        ("Фондовый рынок сегодня утром вырос на три процента.", "ru"),
    ],
)
def test_the_classifier_tells_other_languages(text: str, code: str) -> None:
    pytest.importorskip("py3langid", reason="needs py3langid")
    guess = guess_language(text)
    assert guess.code == code
    assert guess.probability is not None
    assert 0.5 < guess.probability <= 1


def test_language_keeps_what_cannot_be_told_unless_asked_otherwise() -> None:
    assert says("language", "OK", keep=["zh"]) is None
    assert says("language", "OK", keep=["zh"], unknown="drop") is not None
    drop = says("language", "The stock market rose by three percent this morning.", keep=["zh", "ja"])
    assert drop is not None
    assert drop.reason.startswith("the language is en (classifier, probability")
    assert says("language", "央行宣布降准", keep=["zh"]) is None
    with pytest.raises(ConfigError, match="unknown code 'cn'"):
        filter_by("language", keep=["cn"])


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("体育", True),
        ("财经", False),
        (None, True),
        ((), True),
        ((Span(0, 1, "体育"),), True),
        ((Span(0, 1, "娱乐"),), False),
    ],
)
def test_labels_are_those_of_the_class_or_of_all_entities(target: Any, kept: bool) -> None:
    assert (filter_by("labels", keep=["体育"])(row(target=target)) is None) == kept
    assert (filter_by("labels", drop=["财经", "娱乐"])(row(target=target)) is None) == kept


@pytest.mark.parametrize(
    "text",
    [
        "作为一个AI语言模型，我没有个人观点。",
        "作为人工智能助手，我无法替您做决定",
        "您好，我是由某公司训练的大型语言模型",
        "As an AI language model, I don't have feelings.",
        "以下是回答：As an AI assistant, I cannot browse.",
        "I’m sorry, but I can’t assist with that request.",
        "I apologize, but I cannot create that content.",
        "Sorry, I am unable to help with this.",
        "I can't assist with that.",
        "作为一名人工智能，我没有感情",
        "我是ChatGPT，很高兴为您服务",
        "（以上内容由AI生成，仅供参考）",
        "This article was written by ChatGPT.",
        "很遗憾，我无法回答这个问题",
        "很抱歉，我无法提供这方面的信息。",
        "对不起，我不能回答这个问题",
        "截至我最后一次知识更新，该比赛尚未举行",
        "As of my last update in September, no.",
        "译文如下：春眠不觉晓",
        "Here is the translation: spring sleep",
        "Regenerate response",
        "当然可以！以下是三条建议：…… 希望以上内容对您有所帮助！",
        "哦，我的上帝，我的老伙计，瞧瞧这该死的天气",
    ],
)
def test_phrases_that_give_a_machine_away_are_found_with_their_evidence(text: str) -> None:
    drop = says("machine_written", text)
    assert drop is not None
    assert drop.score is not None
    assert drop.score >= 1
    assert any(phrase.found in text for phrase in tell_tales(row(text)))


@pytest.mark.parametrize(
    "text",
    [
        "作为人工智能领域的龙头企业，该公司股价上涨",
        "作为智能机器人产业基地，当地吸引了投资",
        "人工智能助手走进校园",
        "大语言模型成为投资热点，专家解读",
        "客服回复：很遗憾，商品已售罄，希望这个建议对您有帮助",
        "I'm sorry for your loss.",
        "I cannot believe it, the market rose again",
        "翻译：I love you",
        "The assistant coach was an AI enthusiast",
        "哦，我的天哪",
        "Sorry, I was late",
        "遗憾，我无法到场",
        "作为人工智能专业的学生，我们要努力",
        "Unfortunately, I cannot come tonight",
    ],
)
def test_people_who_write_about_machines_are_left_alone(text: str) -> None:
    assert says("machine_written", text) is None


def test_a_refusal_in_the_free_answer_is_found() -> None:
    drop = filter_by("machine_written")(row("写一首诗", target="抱歉，我无法完成这个任务。"))
    assert drop is not None
    assert "of the target" in drop.reason
    assert filter_by("machine_written", kinds=["identity"])(row("写诗", target="抱歉，我无法完成这个任务。")) is None
