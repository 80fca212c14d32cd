"""A masked example tells nobody's number, keeps its entities, and says what was replaced."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Sequence
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data import privacy
from finetrie.data.edits import apply
from finetrie.data.privacy import find_personal_data, mask
from finetrie.data.privacy.checks import id_check, is_id_card, is_luhn, luhn_check
from finetrie.data.privacy.masking import shape
from finetrie.data.privacy.surrogates import CAPACITY, Style
from finetrie.data.sample.chance import Chance
from finetrie.data.sample.personal import identity_number, mail_address, mobile_number
from finetrie.files import plain
from finetrie.records import Example, Message, Span

STYLES: tuple[Style, ...] = ("tag", "fake")
ID = "11010119900101123" + id_check("11010119900101123")
CARD = "622202123456789012" + luhn_check("622202123456789012")


def example(text: str, target: str | tuple[Span, ...] | None = None, **fields: object) -> Example:
    return Example(id="1", text=text, target=target, origin="train.jsonl:1", **fields)  # type: ignore[arg-type]


def masked(text: str, style: Style = "tag") -> str:
    return mask(example(text), style=style).example.text


def test_the_package_says_what_it_does() -> None:
    done = doctest.testmod(privacy, extraglobs={"example": example("请拨13800138000联系")})
    assert (done.attempted, done.failed) == (2, 0)


def test_surrogates_are_typed_and_numbered_in_the_language_of_the_text() -> None:
    assert masked("张三13800138000和李四13900139000，a@example.com") == "张三[手机号1]和李四[手机号2]，[邮箱1]"
    assert masked("Call 13800138000 or write to a@example.com") == "Call [PHONE_1] or write to [EMAIL_1]"


def test_one_value_has_one_surrogate_however_it_is_written() -> None:
    assert masked("拨13800138000，即+86 138-0013-8000") == "拨[手机号1]，即[手机号1]"
    assert masked("拨13800138000，即138 0013 8000", "fake") == "拨10000000001，即100 0000 0001"
    assert masked("A.B@example.com和a.b@example.com不是ab@example.com") == "[邮箱1]和[邮箱1]不是[邮箱2]"


def test_all_fields_of_a_row_are_masked_alike() -> None:
    row = example(
        "请核对13800138000",
        "号码13800138000属实，另有13900139000",
        instruction="客户13700137000来电",
        history=(Message(role="user", content="我是13900139000"), Message(role="assistant", content="好的")),
    )
    result = mask(row)
    assert result.example.history[0]["content"] == "我是[手机号1]"
    assert result.example.history[1] == row.history[1]
    assert result.example.instruction == "客户[手机号2]来电"
    assert result.example.text == "请核对[手机号3]"
    assert result.example.target == "号码[手机号3]属实，另有[手机号1]"
    assert [change.field for change in result.changes] == ["history.0", "instruction", "text", "target", "target"]
    assert apply(row.text, result.edits) == result.example.text


def test_what_one_field_calls_personal_is_personal_in_the_others() -> None:
    row = example("住院号：00123456，护照E12345678", "00123456和E12345678，不是100123456", instruction="抽取号码")
    assert mask(row).example.target == "[病历号1]和[护照号1]，不是100123456"


def test_a_name_found_once_is_replaced_everywhere() -> None:
    def model(text: str) -> Sequence[Span]:
        return [Span(m.start(), m.end(), "PER") for m in re.finditer("张三(?=先生)", text)]

    result = mask(example("张三先生说，张三是我", "张三", instruction="谁说的"), entities=model)
    assert result.example.text == "[姓名1]先生说，[姓名1]是我"
    assert result.example.target == "[姓名1]"


def test_entities_follow_and_destroyed_ones_are_reported() -> None:
    text = "联系13800138000的张三，住院号00123456"
    spans = (Span(2, 13, "NUM"), Span(14, 16, "PER"), Span(10, 16, "CUT"), Span(20, 24, "PART"))
    result = mask(example(text, spans))
    assert result.example.text == "联系[手机号1]的张三，住院号[病历号1]"
    assert isinstance(result.example.target, tuple)
    words = {span.label: result.example.text[span.start : span.end] for span in result.example.target}
    assert words == {"NUM": "[手机号1]", "PER": "张三"}
    assert result.destroyed == (Span(10, 16, "CUT"), Span(20, 24, "PART"))


def test_classes_stay() -> None:
    row = example("来自10.1.1.1", "10.1.1.1", options=("10.1.1.1", "10.1.1.2"))
    assert mask(row).example.target == "10.1.1.1"
    assert mask(example("来自10.1.1.1", "10.1.1.1"), labels={"10.1.1.1"}).example.target == "10.1.1.1"
    assert mask(example("来自10.1.1.1", "10.1.1.1")).example.target == "[IP地址1]"


def test_a_row_without_personal_data_is_the_same_object() -> None:
    row = example("今天天气很好", "晴", instruction="分类", history=(Message(role="user", content="你好"),))
    result = mask(row)
    assert result.example is row
    assert (result.edits, result.changes, result.destroyed) == ((), (), ())


def test_allowed_values_and_kinds_not_asked_for_stay() -> None:
    row = example("拨13800138000，13900139000或写a@example.com")
    assert (
        mask(row, allow=["13800138000"], kinds=("mobile",)).example.text == "拨13800138000，[手机号1]或写a@example.com"
    )


def test_changes_hold_the_shape_and_never_the_value() -> None:
    row = example(f"证{ID}，卡{CARD}，邮箱Li.Si@example.com，护照E12345678")
    result = mask(row)
    lines = json.dumps([plain(asdict(change)) for change in result.changes], ensure_ascii=False)
    for finding in find_personal_data(row.text):
        assert finding.value not in lines
    assert [change.rule for change in result.changes] == [
        "personal_data.id_card",
        "personal_data.bank_card",
        "personal_data.email",
        "personal_data.passport",
    ]
    assert result.changes[2].shape == "Aa.Aa@aaaaaaa.aaa"
    assert shape("京A·１2345李") == "字A·99999字"


@pytest.mark.parametrize("style", STYLES)
def test_masking_in_two_passes_mixes_up_nobody(style: Style) -> None:
    """A text that was masked before and then continued holds tags; a new value gets a new number."""
    before = masked("甲13800138000，乙13900139000", style)
    after = masked(f"{before}，丙13700137000", style)
    assert after.startswith(before)
    assert after.removeprefix(before) == {"tag": "，丙[手机号3]", "fake": "，丙10000000003"}[style]


def test_fakes_keep_the_shape_but_are_nobodys() -> None:
    assert masked("13800138000", "fake") == "10000000001"
    identity, card = masked(ID, "fake"), masked(CARD, "fake")
    assert len(identity) == 18
    assert identity.startswith("00")
    assert not is_id_card(identity)
    assert len(card) == len(CARD)
    assert card.startswith("0000")
    assert not is_luhn(card)


@pytest.mark.parametrize(
    ("value", "fake"),
    [
        ("+86 138-0013-8000", "+86 100-0000-0001"),
        ("(010)88886666", "(000)00000001"),
        ("010-88886666 ext 803", "000-00000001"),
        ("护照E12345678", "护照O00000001"),
        ("港澳通行证C12345678", "港澳通行证O00000001"),
        ("粤BD12345", "京I000001"),
        ("浙A·1234学", "京I·0001学"),
        ("li@example.com", "user1@example.invalid"),
        ("10.20.30.40", "0.0.0.1"),
        ("2001:db8::5", "100::1"),
        ("https://li:secret@example.com/", "https://user:password@example.invalid/1"),
        ("住院号00123456", "住院号[病历号1]"),
    ],
)
def test_a_fake_says_by_its_form_that_it_is_one(value: str, fake: str) -> None:
    assert masked(value, "fake") == fake


@given(st.integers(0, 10_000), st.sampled_from(STYLES))
def test_a_masked_text_holds_no_personal_data(seed: int, style: Style) -> None:
    chance = Chance(seed)
    makers = (identity_number, mobile_number, mail_address)
    pieces = [chance.pick(("，", "。", "的", " ", "：")) + make(chance) for make in makers for _ in range(2)]
    text = "登记" + "".join(
        chance.shuffled([*pieces, "，护照号E12345678", "，住院号00123456", "，10.1.1.9", f"，{CARD}"])
    )
    result = masked(text, style)
    assert find_personal_data(result) == ()
    assert masked(result, style) == result


def test_a_document_with_more_values_than_fakes_goes_on_with_tags() -> None:
    text = "，".join(f"u{i}@example.com" for i in range(CAPACITY + 2))
    result = masked(text, "fake")
    assert result.endswith(f"user{CAPACITY}@example.invalid，[EMAIL_{CAPACITY + 1}]，[EMAIL_{CAPACITY + 2}]")
    assert len(set(result.split("，"))) == CAPACITY + 2
