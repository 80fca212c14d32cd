"""What each cleaning step changes, and what it leaves alone."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest

from finetrie.data.cleaning import STEPS, steps_from
from finetrie.data.cleaning.rewriting import PIECE, rewritten
from finetrie.data.cleaning.unicode import joins
from finetrie.data.edits import apply, rebase
from finetrie.records import Span
from tests.unit.data.test_cleaning import OPTIONAL


def cleaned(text: str, name: str, **parameters: Any) -> str:
    (step,) = steps_from([{"name": name, **parameters}])
    return apply(text, step.rewrite(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ＡＢＣ１２３，！　x", "ABC123,! x"),
        ("「アニメ」・①㎡…", "「アニメ」・①㎡…"),
    ],
)
def test_half_width_changes_full_width_ascii_and_nothing_else(before: str, after: str) -> None:
    assert cleaned(before, "half_width") == after


def test_half_width_can_leave_the_signs_of_chinese_text() -> None:
    assert cleaned("买ｉＰｈｏｎｅ１５，好！", "half_width", punctuation=False) == "买iPhone15，好！"


def test_half_width_katakana_on_request() -> None:
    assert cleaned("ガンダムＡ", "half_width", katakana=True) == "ｶﾞﾝﾀﾞﾑA"


def test_every_character_that_can_join_the_one_before_is_known() -> None:
    """Second halves of all composed characters, so that segments normalise one by one."""
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert joins(chr(int(parts[1], 16))), hex(code)
        if unicodedata.combining(chr(code)):
            assert joins(chr(code)), hex(code)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\x00b\x07c", "abc"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a\nb"),
        ("a\rb\x0cc\x85d", "a\nb\nc\nd"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("half \ud83d pair", "half  pair"),
        ("😀👍🏽", "😀👍🏽"),
    ],
)
def test_control_removes_what_cannot_be_printed_and_joins_no_words(before: str, after: str) -> None:
    assert cleaned(before, "control") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\ufeff北\u200b京\u2060", "北京"),
        ("sep\u00adarate", "separate"),
        (
            "👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏃🏽\u200d♂\ufe0f",
            "👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏃🏽\u200d♂\ufe0f",
        ),
        ("a\u200db", "ab"),
        ("中\u200d文\u200c字", "中文字"),
        ("か\u200dな", "かな"),
        ("👩\u200d", "👩"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("ok\U000e0068\U000e0069", "ok"),
        (
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
    ],
)
def test_zero_width_removes_the_invisible_and_keeps_what_it_spells(before: str, after: str) -> None:
    assert cleaned(before, "zero_width") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cafÃ© â€œniceâ€\x9d", "café “nice”"),
        ("ä¸\xadå›½ï¼Œä½\xa0å¥½", "中国，你好"),
        ("全角ＡＢ，“引号”…ﬁ &amp; é", "全角ＡＢ，“引号”…ﬁ &amp; é"),
        ("第一行\x85第二行\u2028第三行", "第一行\x85第二行\u2028第三行"),
        ("NESTLÉ®, naïve Ñandú", "NESTLÉ®, naïve Ñandú"),
    ],
)
def test_mojibake_repairs_encodings_only(before: str, after: str) -> None:
    pytest.importorskip("ftfy", reason="needs ftfy")
    assert cleaned(before, "mojibake") == after


def test_mojibake_in_one_very_long_line_is_repaired_in_pieces() -> None:
    pytest.importorskip("ftfy", reason="needs ftfy")
    damaged = "中华人民共和国".encode().decode("latin-1")
    assert cleaned(damaged * 400, "mojibake") == "中华人民共和国" * 400
    assert cleaned(f"{damaged} " * (PIECE // 5), "mojibake") == "中华人民共和国 " * (PIECE // 5)


def test_an_entity_in_damaged_words_stands_around_the_repaired_ones() -> None:
    pytest.importorskip("ftfy", reason="needs ftfy")
    (step,) = steps_from(["mojibake"])
    text = "in SÃ£o Paulo, MÃ¼nchen"
    edits = step.rewrite(text)
    (moved,) = rebase([Span(3, 13, "LOC")], edits)
    assert moved is not None
    assert apply(text, edits)[moved.start : moved.end] == "São Paulo"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>第一段</p>\n\n<p>第二段</p>", "第一段\n第二段"),
        ("一<br>二<br/><BR />三", "一\n二\n\n三"),
        ("a<b>bold</b>c <a href='x' target=_blank>link</a>", "aboldc link"),
        ("a < b, 3<5, x<-1, i<n && j>m, a <b and c> d", "a < b, 3<5, x<-1, i<n && j>m, a <b and c> d"),
        ("List<String> <张三> <UNK> <3 <不是标签>", "List<String> <张三> <UNK> <3 <不是标签>"),
        ("x<!-- note > -->y", "xy"),
        ("<script>if (a<b) {alert('</p>')}</script>text<STYLE type='text/css'>p{}</STYLE >", "text"),
        ("<!DOCTYPE html><html><head><title>题</title></head><body>文</body></html>", "题\n文"),
        ("<tr><td>甲</td><td>乙</td></tr><tr><td>丙</td></tr>", "甲 乙\n丙"),
        ("<img src=\"a>b.png\" alt='x'>图", "图"),
        ("<input disabled required value=1>ok", "ok"),
        ("&lt;b&gt; &amp;amp; &#20013;&#x6587; &nbsp;| AT&T &foo; &copy=1", "<b> &amp; 中文 \xa0| AT&T &foo; &copy=1"),
        ("<a href='?x=1&amp;y=2'>链接</a>", "链接"),
        ("<ul>\n  <li>一</li>\n  <li>二</li>\n</ul>", "一\n二"),
        ("unclosed <script> and <!-- stay, tags <b>go", "unclosed  and <!-- stay, tags go"),
        ("cut <div class=", "cut <div class="),
    ],
)
def test_html_takes_the_text_out(before: str, after: str) -> None:
    assert cleaned(before, "html") == after


def test_an_entity_in_html_keeps_its_words_around_inline_tags() -> None:
    (step,) = steps_from(["html"])
    text = "<p>在<b>北</b>京大学&nbsp;读</p>"
    edits = step.rewrite(text)
    (moved,) = rebase([Span(text.index("北"), text.index("&nbsp;"), "ORG")], edits)
    assert moved is not None
    assert apply(text, edits)[moved.start : moved.end] == "北京大学"


SLOW = (
    *("<", "<script>", "<!--", "<a x=1 ", "<a b='", "<a  ", "&", "&#1", "</script "),
    *(
        "www.",
        "http://a(",
        "http://a).,",
        "\n ",
        "\r\n\u3000",
        "\u3000",
        " a",
        "\u200d",
        "👩\u200d",
        "e\u0301",
        "ガ",
        "臺",
        "ä¸",
        "İ",
    ),
)


@pytest.mark.parametrize("name", STEPS.names())
def test_time_is_linear_on_input_made_to_slow_a_step_down(name: str) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name], reason=f"needs {OPTIONAL[name]}")
    for piece in SLOW:
        cleaned(piece * (100_000 // len(piece)), name)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("见https://a.cn/b?c=1谢谢", "见谢谢"),
        ("(see http://en.wikipedia.org/wiki/A_(b)).", "(see )."),
        ("访问 www.example.com，或写信给 me@www.example.com", "访问 ，或写信给 me@www.example.com"),
        ("HTTP://X.CN/A. ftp://f.org!", ". !"),
        ("http:// 和 www. 不是地址", "http:// 和 www. 不是地址"),
        ("3.14 a.b example.com", "3.14 a.b example.com"),
    ],
)
def test_urls_go_and_their_neighbours_stay(before: str, after: str) -> None:
    assert cleaned(before, "urls") == after


def test_urls_become_a_token() -> None:
    assert cleaned("见http://a.cn，http://b.cn", "urls", replace_by="[URL]") == "见[URL]，[URL]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n \n\u3000\n  b", "a\n \n  b"),
        ("a\n \n\nb", "a\n \nb"),
        ("a\n\nb", "a\n\nb"),
    ],
)
def test_line_breaks_become_line_feeds_and_at_most_two(before: str, after: str) -> None:
    assert cleaned(before, "line_breaks") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  a \t b\u3000\u3000c\xa0", "a b c"),
        ("\u3000\u3000第一段  \n　　第二段\n\n", "第一段\n第二段"),
        ("a\n\nb", "a\n\nb"),
        ("北 京 大 学 ABC 学院", "北 京 大 学 ABC 学院"),
        (" \n\t ", ""),
        ("", ""),
    ],
)
def test_white_space_is_one_space_or_none(before: str, after: str) -> None:
    assert cleaned(before, "white_space") == after


def test_white_space_between_chinese_characters_on_request() -> None:
    before = "北 京　大 学 ， 一 流 ABC 学院 カ ナ"
    assert cleaned(before, "white_space", between_cjk=False) == "北京大学，一流 ABC 学院カナ"


def test_an_entity_whose_border_lies_in_a_run_of_spaces_is_kept() -> None:
    (step,) = steps_from(["white_space"])
    text = "去 北京   了"
    (moved,) = rebase([Span(2, 6, "LOC")], step.rewrite(text))
    assert moved is not None
    assert apply(text, step.rewrite(text))[moved.start : moved.end].strip() == "北京"


def test_lower_case_follows_letters_that_change_their_length() -> None:
    (step,) = steps_from(["lower_case"])
    text = "İSTANBUL ve ANKARA"
    edits = step.rewrite(text)
    (moved,) = rebase([Span(12, 18, "LOC")], edits)
    assert moved is not None
    assert apply(text, edits)[moved.start : moved.end] == "ankara"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("臺灣大學的電腦軟體", "台湾大学的电脑软体"),
        ("乾坤大挪移，餅乾", "乾坤大挪移，饼干"),
        ("已经是简体 ABC 123", "已经是简体 ABC 123"),
    ],
)
def test_simplified_writes_the_same_words_in_simplified_characters(before: str, after: str) -> None:
    pytest.importorskip("opencc", reason="needs opencc")
    assert cleaned(before, "simplified") == after


def test_simplified_knows_the_words_of_taiwan_and_entities_follow_them() -> None:
    pytest.importorskip("opencc", reason="needs opencc")
    assert cleaned("看著軟體", "simplified") == "看著软体"
    (step,) = steps_from([{"name": "simplified", "variant": "tw2sp"}])
    text = "在原子筆旁的資訊展上，臺積電展出軟體"
    edits = step.rewrite(text)
    (moved,) = rebase([Span(text.index("臺"), text.index("電") + 1, "ORG")], edits)
    assert moved is not None
    assert apply(text, edits)[moved.start : moved.end] == "台积电"
    assert apply(text, edits).endswith("展出软件")


def test_two_changes_of_length_that_cancel_out_shift_no_entity() -> None:
    edits = rewritten("aab中文c", {"aab中文c": "a中文ccd"}.__getitem__, re.compile("$"))
    (moved,) = rebase([Span(3, 5, "X")], edits)
    assert moved == Span(1, 3, "X")


def test_simplified_takes_a_long_text_in_pieces() -> None:
    pytest.importorskip("opencc", reason="needs opencc")
    assert cleaned("臺灣大學，" * 2000, "simplified") == "台湾大学，" * 2000
    assert cleaned("臺灣" * 3000, "simplified") == "台湾" * 3000
