"""What is asked, and which answers make a row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.reading import read
from finetrie.data.synthesis import Entities, Label, Paraphrase, Question, Recipe, Refused, Template, read_template
from finetrie.data.synthesis.prompts import DEFAULTS, NOTHING_FOUND
from finetrie.errors import ConfigError
from finetrie.records import Example, Span
from finetrie.tasks import wordings
from tests.conftest import shared
from tests.unit.data.large_model import texts

RECIPES: list[Recipe] = [
    Question(),
    Question(language="en"),
    Label(labels=("体育", "财经")),
    Entities(labels=("PER", "ORG"), language="en"),
    Paraphrase(),
]


def one(text: str, **fields: Any) -> Example:
    return texts(text, **fields)[0]


def marked(text: str, *entities: tuple[str, str], nth: int = 0) -> Example:
    """The first occurrence of each surface, marked."""
    spans = tuple(Span(text.index(words), text.index(words) + len(words), label) for words, label in entities)
    return one(text, target=spans)


def words(example: Example) -> list[tuple[str, str]]:
    assert isinstance(example.target, tuple)
    return [(example.text[span.start : span.end], span.label) for span in example.target]


def refusal(result: Example | Refused) -> str:
    assert isinstance(result, Refused), result
    assert result.reason
    return result.rule


ANSWERS = st.one_of(
    st.text(),
    st.text("体育财经“”'\"。. ", max_size=8),
    st.text('[]{}"entity_text:label,\nPERORG张三', max_size=60),
)


@given(st.sampled_from(RECIPES), st.text(), ANSWERS)
def test_no_text_and_no_answer_breaks_a_recipe(recipe: Recipe, text: str, answer: str) -> None:
    example = one(text)
    if recipe.unsuitable(example) is None and answer.strip():
        assert recipe.messages(example) == recipe.messages(example)
        result = recipe.accept(example, answer)
        assert isinstance(result, (Example, Refused))
        if isinstance(result, Example):
            assert (result.id, result.origin) == (example.id, example.origin)


@pytest.mark.parametrize("recipe", RECIPES)
@given(text=st.text(min_size=1))
def test_the_text_is_asked_about_unchanged(recipe: Recipe, text: str) -> None:
    """Also a text that looks like a place of the template."""
    for tricky in (text, text + "{labels}{text}{nothing}"):
        assert tricky in recipe.messages(one(tricky))[-1]["content"]


# --- labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["体育", " 体育\n", "“体育”", "体育。", '"体育".', "「体育」。"])
def test_a_label_may_be_quoted_and_end_in_a_stop(answer: str) -> None:
    result = Label(labels=("体育", "财经")).accept(one("球赛"), answer)
    assert isinstance(result, Example)
    assert result.target == "体育"


@pytest.mark.parametrize("answer", ["娱乐", "体育、财经", "类别：体育", "体", "体育 财经", "体育\n因为有球"])
def test_an_answer_that_is_not_one_of_the_labels_is_refused(answer: str) -> None:
    assert refusal(Label(labels=("体育", "财经")).accept(one("球赛"), answer)) == "out_of_label_set"


def test_width_and_case_decide_only_where_labels_differ_in_nothing_else() -> None:
    near = Label(labels=("IT", "it", "Sport"))
    assert [near.accept(one("a"), said).target for said in ("IT", "it", "ＳＰＯＲＴ")] == ["IT", "it", "Sport"]
    assert refusal(near.accept(one("a"), "It")) == "out_of_label_set"


def test_a_row_with_its_own_options_is_asked_with_these() -> None:
    recipe, row = Label(labels=("体育",)), one("影评", options=("电影", "音乐"))
    assert "电影\n音乐" in recipe.messages(row)[0]["content"]
    assert recipe.accept(row, "电影").target == "电影"
    assert refusal(recipe.accept(row, "体育")) == "out_of_label_set"


def test_labels_can_be_explained() -> None:
    recipe = Label(labels=("a", "b"), about={"a": "animals"}, language="en")
    assert recipe.messages(one("x"))[0]["content"].endswith("Labels:\na (animals)\nb")
    with pytest.raises(ConfigError, match="about: 'c' is not one of the labels"):
        Label(labels=("a", "b"), about={"c": "cars"})


def test_a_row_that_is_labelled_or_has_no_choice_is_not_asked_about() -> None:
    assert Label(labels=("a",)).unsuitable(one("x", target="a")).rule == "already_labelled"
    assert Label().unsuitable(one("x")).rule == "no_labels"
    assert Label().unsuitable(one("x", options=("a",))) is None
    with pytest.raises(ConfigError, match="at least one type"):
        Entities(labels=())


# --- entities -------------------------------------------------------------------------------------------------------

NER = Entities(labels=("PER", "ORG", "LOC"))


def line(surface: str, label: str) -> str:
    return f'{{"entity_text": "{surface}", "entity_label": "{label}"}}'


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        pytest.param("张三在北京", line("张三", "PER") + "\n" + line("北京", "LOC"), [(0, 2), (3, 5)], id="lines"),
        pytest.param("张三在北京", f"[{line('张三', 'PER')},\n{line('北京', 'LOC')}]", [(0, 2), (3, 5)], id="array"),
        pytest.param("张三", f"```json\n{line('张三', 'per')}\n```", [(0, 2)], id="fenced, label in lower case"),
        pytest.param("😀张三和张三", "\n".join([line("张三", "PER")] * 2), [(1, 3), (4, 6)], id="twice"),
        pytest.param("张三在北京", line("北京", "LOC") + "\n" + line("张三", "PER"), [(0, 2), (3, 5)], id="any order"),
        pytest.param("在北京大学", line("北京大学", "ORG") + "\n" + line("北京", "LOC"), [(1, 5), (1, 3)], id="nested"),
        pytest.param("US in BUS", line("US", "LOC"), [(0, 2)], id="a Latin word"),
        pytest.param("BUS, US", line("US", "LOC"), [(5, 7)], id="not inside another word"),
        pytest.param("用iPhone的人", line("iPhone", "ORG"), [(1, 7)], id="Latin between Chinese"),
        pytest.param("无", "没有找到任何实体。", [], id="none"),
        pytest.param("无", "[]", [], id="an empty array"),
    ],
)
def test_entities_get_the_places_where_their_words_stand(text: str, answer: str, expected: list[Any]) -> None:
    result = NER.accept(one(text), answer)
    assert isinstance(result, Example)
    assert isinstance(result.target, tuple)
    assert [(span.start, span.end) for span in result.target] == expected


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        pytest.param(line("李四", "PER"), "not_verbatim", id="invented"),
        pytest.param(line("张 三", "PER"), "not_verbatim", id="nearly"),
        pytest.param("\n".join([line("张三", "PER")] * 2), "no_free_place", id="once in the text"),
        pytest.param(line("张三", "PER") + "\n" + line("张三", "ORG"), "no_free_place", id="two labels"),
        pytest.param(line("三在", "PER") + "\n" + line("张三", "PER"), "no_free_place", id="crossing"),
        pytest.param(line("张三", "MONEY"), "out_of_label_set", id="another type"),
        pytest.param("张三是人名", "not_json", id="a sentence"),
        pytest.param(line("张三", "PER")[:-3], "not_json", id="cut off"),
        pytest.param('{"entity_text": "", "entity_label": "PER"}', "wrong_shape", id="no words"),
        pytest.param('{"entity": "张三", "type": "PER"}', "wrong_shape", id="other names"),
        pytest.param('["张三"]', "wrong_shape", id="an array of words"),
        pytest.param("7", "wrong_shape", id="a number"),
        pytest.param("[" * 100_000, "not_json", id="without an end"),
    ],
)
def test_one_wrong_entity_refuses_the_answer(answer: str, rule: str) -> None:
    assert refusal(NER.accept(one("张三在北京"), answer)) == rule


@given(st.text("ab中 ", min_size=1, max_size=15), st.data())
def test_what_is_accepted_stands_in_the_text_letter_by_letter(text: str, data: st.DataObject) -> None:
    cuts = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)), st.sampled_from(["PER", "ORG"]))
    named = [(text[a:b], label) for a, b, label in data.draw(st.lists(cuts, max_size=4)) if text[a:b]]
    result = NER.accept(one(text), "\n".join(line(*entity) for entity in named) or "[]")
    if isinstance(result, Example):
        assert sorted(words(result)) == sorted(named)
        assert isinstance(result.target, tuple)
        assert len({(span.start, span.end) for span in result.target}) == len(named)


def test_real_entities_find_their_places_again() -> None:
    """CCF rows, asked with their own entities as the answer, and rewritten around them."""
    rows = [row for row in read(shared("data/ccfbdci_ner/test.jsonl")) if isinstance(row.target, tuple) and row.target]
    recipe = Entities(labels=("PER", "ORG", "LOC", "GPE"))
    answers = ["\n".join(json.dumps(entity_of(row, span)) for span in sorted(row.target or ())) for row in rows]
    again = [recipe.accept(replace(row, target=None), said) for row, said in zip(rows, answers, strict=True)]
    assert all(isinstance(result, Example) for result in again)
    assert sum(result == row for result, row in zip(again, rows, strict=True)) / len(rows) > 0.99

    suitable = [row for row in rows if Paraphrase().unsuitable(row) is None]
    assert len(suitable) / len(rows) > 0.95
    assert all(words(Paraphrase().accept(row, "据悉，" + row.text)) == words(row) for row in suitable)


def entity_of(row: Example, span: Span) -> dict[str, str]:
    return {"entity_text": row.text[span.start : span.end], "entity_label": span.label}


def test_both_sides_say_the_same_where_nothing_is_found() -> None:
    assert NOTHING_FOUND == wordings.NOTHING_FOUND


# --- questions ------------------------------------------------------------------------------------------------------

ANSWER = "央行决定下调存款准备金率零点五个百分点，释放长期资金约一万亿元。"


def test_a_text_becomes_the_answer_to_a_question() -> None:
    row = one(ANSWER, target="财经", options=("财经",), instruction="分类", history=({"role": "user", "content": "?"},))
    result = Question().accept(row, "“央行在货币政策上做了什么决定？”")
    assert result == one("央行在货币政策上做了什么决定？", target=ANSWER)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("抱歉，我无法回答这个问题。", "declined"),
        ("I'm sorry, but I can't help with that.", "declined"),
        ("作为一个人工智能语言模型，我没有观点。", "declined"),
        ("问题：央行做了什么？", "heading"),
        ("好的，以下是提问：央行做了什么？", "heading"),
        ("What did the central bank decide?", "language"),
        ("“”", "empty"),
        (f"请复述：{ANSWER}", "gives_answer"),
        ("问" * 301, "too_long"),
    ],
)
def test_an_answer_that_is_no_question_is_refused(answer: str, rule: str) -> None:
    assert refusal(Question().accept(one(ANSWER), answer)) == rule


def test_an_english_text_is_asked_for_in_english() -> None:
    assert refusal(Question().accept(one("The bank lowers its rate."), "央行做了什么？")) == "language"
    assert isinstance(Question().accept(one("The bank lowers its rate."), "What does the bank do?"), Example)
    assert isinstance(Question().accept(one("3.14159"), "圆周率是多少？"), Example)


# --- paraphrases ----------------------------------------------------------------------------------------------------


def test_a_paraphrase_keeps_everything_but_the_text() -> None:
    row = one("今天天气很好", target="生活", options=("生活", "体育"), instruction="分类")
    result = Paraphrase().accept(row, "今日天气不错")
    assert result == one("今日天气不错", target="生活", options=("生活", "体育"), instruction="分类")


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("今天，天气很好！", "unchanged"),
        ("今天天气很好 ", "unchanged"),
        ("好", "wrong_length"),
        ("今天" * 20, "wrong_length"),
        ("The weather is fine", "language"),
        ("改写后的文本：今日天气不错", "heading"),
        ("非常抱歉，我不能改写", "declined"),
    ],
)
def test_an_answer_that_is_no_paraphrase_is_refused(answer: str, rule: str) -> None:
    assert refusal(Paraphrase().accept(one("今天天气很好"), answer)) == rule


def test_a_text_that_itself_apologises_may_go_on_doing_so() -> None:
    assert isinstance(Paraphrase().accept(one("对不起，我来晚了一些"), "抱歉，我迟到了一会儿"), Example)


@pytest.mark.parametrize(
    ("row", "answer", "expected"),
    [
        pytest.param(
            marked("张三在北京大学读书", ("张三", "PER"), ("北京大学", "ORG")),
            "就读于北京大学的是张三",
            [("北京大学", "ORG"), ("张三", "PER")],
            id="another order",
        ),
        pytest.param(
            marked("张三在北京大学读书", ("北京大学", "ORG"), ("北京", "LOC")),
            "张三就读于北京大学",
            [("北京大学", "ORG"), ("北京", "LOC")],
            id="nested",
        ),
        pytest.param(
            one("张三说张三到了", target=(Span(0, 2, "PER"), Span(3, 5, "PER"))),
            "张三说自己到了",
            [("张三", "PER")],
            id="fewer times",
        ),
        pytest.param(
            one("张三说张三到了", target=(Span(0, 2, "PER"), Span(3, 5, "PER"))),
            "😀张三讲，张三已到",
            [("张三", "PER"), ("张三", "PER")],
            id="after an emoji",
        ),
        pytest.param(one("今天天气很好", target=()), "今日天气不错", [], id="none"),
    ],
)
def test_entities_are_found_again_in_other_words(row: Example, answer: str, expected: list[tuple[str, str]]) -> None:
    result = Paraphrase().accept(row, answer)
    assert isinstance(result, Example)
    assert words(result) == expected


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("李四在北京大学上学", "entity_lost"),
        ("张三张三在北京大学", "entity_added"),
        ("张三在北大读书啊", "entity_lost"),
    ],
)
def test_a_paraphrase_that_changes_an_entity_is_refused(answer: str, rule: str) -> None:
    row = marked("张三在北京大学读书", ("张三", "PER"), ("北京大学", "ORG"))
    assert refusal(Paraphrase().accept(row, answer)) == rule


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        pytest.param(marked("张三说张三到了", ("张三", "PER")), "partly_marked", id="one of two"),
        pytest.param(
            one("华盛顿在华盛顿", target=(Span(0, 3, "PER"), Span(4, 7, "LOC"))), "two_labels", id="two meanings"
        ),
        pytest.param(one("北京大学生", target=(Span(0, 4, "ORG"), Span(2, 5, "PER"))), "overlapping", id="crossing"),
        pytest.param(one("  "), "empty_text", id="blank"),
    ],
)
def test_a_row_whose_entities_could_not_be_found_again_for_sure_is_not_asked_about(row: Example, rule: str) -> None:
    unsuitable = Paraphrase().unsuitable(row)
    assert unsuitable is not None
    assert unsuitable.rule == rule


@given(
    st.lists(st.sampled_from(["张三", "北京", "北京大学", "在", "读书", "US", " "]), min_size=1, max_size=8), st.data()
)
def test_an_accepted_paraphrase_marks_the_same_words_with_the_same_labels(
    parts: list[str], data: st.DataObject
) -> None:
    labels = {"张三": "PER", "北京": "LOC", "北京大学": "ORG", "US": "LOC"}
    spans, at = [], 0
    for part in parts:
        if part in labels:
            spans.append(Span(at, at + len(part), labels[part]))
        at += len(part)
    row = one("".join(parts), target=tuple(spans))
    if Paraphrase().unsuitable(row) is None:
        result = Paraphrase().accept(row, "".join(data.draw(st.permutations(parts))) + "了啊")
        if isinstance(result, Example):
            assert set(words(result)) == set(words(row))


def test_the_words_to_keep_are_named_in_the_question() -> None:
    row = marked("张三在北京大学读书", ("张三", "PER"), ("北京大学", "ORG"))
    assert "必须逐字保留的词语：张三、北京大学\n" in Paraphrase().messages(row)[-1]["content"]
    assert "Words to keep: (none)\n" in Paraphrase(language="en").messages(one("Fine weather"))[-1]["content"]


# --- prompts --------------------------------------------------------------------------------------------------------


def test_every_question_is_there_in_both_languages() -> None:
    assert {name for name, _ in DEFAULTS} == {recipe.name for recipe in RECIPES}
    assert all((name, language) in DEFAULTS for name, _ in DEFAULTS for language in ("zh", "en"))


def test_a_file_of_the_user_replaces_the_words(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text('[system]\n选一个：\n{labels}\n例：{"a": 1}\n[user]\n文本是 {text}\n', encoding="utf-8-sig")
    recipe = Label(labels=("体育", "财经"), template=read_template(path))
    assert recipe.messages(one("球赛")) == [
        {"role": "system", "content": '选一个：\n体育\n财经\n例：{"a": 1}'},
        {"role": "user", "content": "文本是 球赛"},
    ]


def test_a_file_without_parts_is_the_question(tmp_path: Path) -> None:
    path = tmp_path / "prompt.txt"
    path.write_text("写一个问题：{text}")
    assert Question(template=read_template(path)).messages(one("a")) == [{"role": "user", "content": "写一个问题：a"}]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the question is empty"),
        (b"[system]\nabc\n", "the question is empty"),
        (b"[user]\na\n[user]\nb", r"a second \[user\]"),
        (b"hello\n[user]\na", r"words before the first"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_is_no_template_says_what_is_wrong(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"prompt\.txt: .*{complaint}"):
        read_template(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_template(tmp_path / "missing.txt")


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        ("{txet}", r"nothing fills \{txet\}, did you mean 'text'(.|\n)*places to fill: \{text\}, \{labels\}"),
        ("{text}{keep}", r"nothing fills \{keep\}"),
        ("选一个：{labels}", r"\{text\} is missing"),
    ],
)
def test_a_place_that_nothing_fills_is_found_before_anything_is_asked(user: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Label(labels=("a", "b"), template=Template(user))


def test_the_hash_is_that_of_the_words() -> None:
    assert Template("a{text}").hash == Template("a{text}", origin="elsewhere.txt").hash
    assert len({Template("a").hash, Template("b").hash, Template("a", system="b").hash}) == 3
