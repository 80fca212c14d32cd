"""Personal data is found beside any character, believed after its check, and read one way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.privacy import ALL, KINDS, Finding, Kind, Match, find_personal_data
from finetrie.data.privacy.checks import code_check, id_check, is_credit_code, is_id_card, is_luhn, luhn_check
from finetrie.data.privacy.kinds import kind_named
from finetrie.data.privacy.widths import half_width
from finetrie.data.sample.chance import Chance
from finetrie.data.sample.personal import identity_number
from finetrie.errors import UnknownName
from finetrie.records import Span

ID = "11010119900101" + "123" + id_check("11010119900101123")
CARD = "622202123456789012" + luhn_check("622202123456789012")
CODE = "91110108MA01ABCD2" + code_check("91110108MA01ABCD2")


def found(text: str, **settings: object) -> list[tuple[str, str]]:
    return [(finding.kind, finding.value) for finding in find_personal_data(text, **settings)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("id_card", f"身份证{ID}备查", ID),
        ("id_card", f"（{ID[:6]} {ID[6:14]} {ID[14:]}）", f"{ID[:6]} {ID[6:14]} {ID[14:]}"),
        ("id_card", "证号11010119900101004x，", "11010119900101004x"),
        ("id_card", "身份证号：110101900101123。", "110101900101123"),
        ("mobile", "电话13800138000谢谢", "13800138000"),
        ("mobile", "致电+86 138-0013-8000。", "+86 138-0013-8000"),
        ("mobile", "１３８００１３８０００", "１３８００１３８０００"),
        ("mobile", "Tel13800138000", "13800138000"),
        ("mobile", "在1380 013 8000元旦前", "1380 013 8000"),
        ("mobile", "138\u200b0013\u200b8000", "138\u200b0013\u200b8000"),
        ("landline", "拨打010-88886666转803吧", "010-88886666转803"),
        ("landline", "（0571）87654321", "（0571）87654321"),
        ("landline", "call +86 10 8888 6666 now", "+86 10 8888 6666"),
        ("landline", "座机：88886666，", "88886666"),
        ("landline", "电话：(028)7603835。", "(028)7603835"),
        ("bank_card", f"卡{CARD}号", CARD),
        ("bank_card", "刷4111 1111 1111 1111 2023年", "4111 1111 1111 1111"),
        ("bank_card", "卡号7000000000000005", "7000000000000005"),
        ("credit_code", f"代码{CODE}的", CODE),
        ("credit_code", f"代码{CODE.lower()}的", CODE.lower()),
        ("passport", "护照号码E12345678已", "E12345678"),
        ("passport", "持EA1234567（护照）", "EA1234567"),
        ("travel_permit", "往来港澳通行证C12345678", "C12345678"),
        ("travel_permit", "台胞证号12345678。", "12345678"),
        ("number_plate", "车牌京A·12345停", "京A·12345"),
        ("number_plate", "一辆粤BD12345开", "粤BD12345"),
        ("number_plate", "一辆粤B12345F开", "粤B12345F"),
        ("number_plate", "浙A1234学", "浙A1234学"),
        ("number_plate", "车牌粤 B·12345", "粤 B·12345"),
        ("email", "请发到zhang.san@example.com谢谢", "zhang.san@example.com"),
        ("email", "邮箱ｌｉ＠example．com。", "ｌｉ＠example．com"),
        ("email", "mailto:a+b@mail.example.org.", "a+b@mail.example.org"),
        ("ip", "来自10.20.30.40的", "10.20.30.40"),
        ("ip", "地址：2001:db8::1。", "2001:db8::1"),
        ("ip", "IP:2001:DB8::1, up", "2001:DB8::1"),
        ("url", "见https://li:secret@example.com/a。", "https://li:secret@example.com/a"),
        ("url", "见https://example.com/a?x=1&token=abc，", "https://example.com/a?x=1&token=abc"),
        ("medical_record", "住院号：ZY00012345。", "ZY00012345"),
        ("medical_record", "MRN: 12345678", "12345678"),
        ("medical_record", "患者编号M-2023-00123。", "M-2023-00123"),
    ],
)
def test_a_value_is_found_beside_any_character(kind: str, text: str, value: str) -> None:
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "没有数字",
        "😀",
        f"{ID[:17]}{'0' if ID[17] != '0' else '1'}",
        "编码11010119900231123X",
        f"9{ID}",
        f"0.{CARD}",
        "100亿13800138000元",
        "A13800138000",
        "3.13800138000",
        "12345678901",
        "400-800-8888",
        f"{CARD[:-1]}{(int(CARD[-1]) + 1) % 10}",
        "1700000000000",
        "订单号E12345678",
        "护照已交，订单号E12345678",
        "北京A12345",
        "logo@2x.png",
        "vue@3.2.1",
        "git@example.com:team/project.git",
        "user@localhost",
        "版本10.2.3.4",
        "Chrome/120.0.0.0",
        "300.1.1.1",
        "1.2.3.4.5",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "a::b",
        "https://example.com/@someone/1",
        "住院号未填，门诊号2023年",
        "住院号：2023-12-31补",
        "病历号2023-01年",
        "Kelvin \u212aA1234567",
        "²³⁴",
    ],
)
def test_a_look_alike_is_not_found(text: str) -> None:
    assert found(text) == []


def test_every_kind_is_registered_with_two_tags_and_its_evidence() -> None:
    assert set(ALL) <= set(KINDS.names())
    for name in ALL:
        kind = KINDS.get(name)
        assert all(kind.tag)
        assert kind.evidence


def test_offsets_are_code_points_of_the_given_text() -> None:
    text = "😀\u3000电话：１３８ ００１３ ８０００，a@example.com"
    for finding in find_personal_data(text):
        assert text[finding.start : finding.end] == finding.value
    assert [finding.kind for finding in find_personal_data(text)] == ["mobile", "email"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("13800138000@example.com", ["email"], id="the longer of two checked readings"),
        pytest.param("http://li:13800138000@10.0.0.1/", ["url"], id="a URL with all that is in it"),
        pytest.param("住院号：13800138000", ["mobile"], id="checked before called so"),
        pytest.param(f"{ID} {CARD}", ["id_card", "bank_card"], id="two numbers side by side"),
        pytest.param("13800138000 13900139000", ["mobile", "mobile"], id="a list of numbers"),
        pytest.param("护照号E12345678、E87654321和G11112222", ["passport"] * 3, id="a name for a whole list"),
    ],
)
def test_every_stretch_has_one_reading(text: str, expected: list[str]) -> None:
    assert [finding.kind for finding in find_personal_data(text)] == expected


def test_an_identity_number_that_is_also_a_card_number_is_an_identity_number() -> None:
    """Cards of UnionPay begin with 62, as identity numbers of Gansu do, and one number in ten passes Luhn's test."""
    bodies = (f"62010219900101{i:03d}" for i in range(1000))
    numbers = (body + id_check(body) for body in bodies)
    both = next(number for number in numbers if "X" not in number and is_luhn(number))
    assert found(both, kinds=["bank_card"]) == []
    assert found(both) == [("id_card", both)]


def test_only_the_kinds_asked_for_are_found() -> None:
    text = "13800138000或a@example.com"
    assert found(text, kinds=("email",)) == [("email", "a@example.com")]
    assert found(text, kinds=()) == []
    with pytest.raises(UnknownName, match="did you mean 'email'"):
        find_personal_data(text, kinds=("emali",))


@pytest.mark.parametrize(
    "allow",
    [
        ["13800138000"],
        ["138-0013-8000"],
        [re.compile(r"138\d+")],
        [re.compile("nothing"), "+8613800138000"],
    ],
)
def test_allowed_values_stay(allow: list[str | re.Pattern[str]]) -> None:
    assert found("13800138000和13900139000", allow=allow) == [("mobile", "13900139000")]


def test_an_allowed_value_shields_what_is_inside_it_and_a_pattern_must_match_all_of_a_value() -> None:
    assert found("13800138000@example.com", allow=["13800138000@example.com"]) == []
    assert found("13800138000", allow=[re.compile("138")]) == [("mobile", "13800138000")]


def people(text: str) -> Sequence[Span]:
    """An entity model that knows one person, one address and one city."""
    known = (("张三", "PER"), ("长安街1号 13800138000号院", "address"), ("北京", "GPE"))
    return [Span(m.start(), m.end(), label) for words, label in known for m in re.finditer(words, text)]


def test_names_and_addresses_are_found_by_an_entity_model_only() -> None:
    text = "张三住在北京长安街1号 13800138000号院"
    assert found(text) == [("mobile", "13800138000")]
    expected = [("name", "张三"), ("address", "长安街1号"), ("mobile", "13800138000"), ("address", "号院")]
    assert found(text, entities=people) == expected
    assert found(text, entities=people, kinds=("name",)) == [("name", "张三")]


def test_an_entity_outside_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="for a text of 2 characters"):
        find_personal_data("张三", entities=lambda text: [Span(1, 3, "PER")])


def test_a_kind_of_ones_own_is_one_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KINDS, "_items", dict(KINDS._items))
    KINDS.register("badge")(
        Kind(
            tag=("工牌", "BADGE"),
            evidence="begins with #",
            find=lambda text: (Match(m.start(), m.end(), checked=False) for m in re.finditer("#[a-z]+", text)),
        )
    )
    try:
        assert found("我的#abc", kinds=("badge",)) == [("badge", "#abc")]
    finally:
        kind_named.cache_clear()


ALPHABET = "0123456789 -.:@/XEGax京A护照号住院+（，"


@given(st.text(ALPHABET, max_size=60))
def test_findings_are_in_order_apart_and_say_what_stands_there(text: str) -> None:
    findings = find_personal_data(text)
    assert all(a.end <= b.start for a, b in pairwise(findings))
    assert all(0 <= f.start < f.end <= len(text) and text[f.start : f.end] == f.value for f in findings)


@given(st.text(max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    assert len(half_width(text)) == len(text)
    find_personal_data(text)


@given(st.integers(0, 10_000), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_makes_no_identity_number(seed: int, place: int, change: int) -> None:
    number = identity_number(Chance(seed))
    assert is_id_card(number)
    if number[place] != "X":
        wrong = number[:place] + str((int(number[place]) + change) % 10) + number[place + 1 :]
        assert not is_id_card(wrong)


@given(st.text("0123456789", min_size=12, max_size=18), st.data())
def test_one_wrong_digit_makes_no_card_number(body: str, data: st.DataObject) -> None:
    number = body + luhn_check(body)
    place = data.draw(st.integers(0, len(body)))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert is_luhn(number)
    assert not is_luhn(number[:place] + other + number[place + 1 :])


@given(st.integers(0, 16), st.sampled_from("2345678ABCDEF"))
def test_one_wrong_character_makes_no_credit_code(place: int, other: str) -> None:
    assert is_credit_code(CODE)
    wrong = CODE[:place] + other + CODE[place + 1 :]
    assert wrong == CODE or not is_credit_code(wrong)


SIZE = 200_000


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "1",
            "1 ",
            "1-",
            "13",
            "a",
            "@",
            "a@",
            "a.",
            "a@a.",
            "-",
            ".",
            "1.",
            ":",
            "a:",
            "f:",
            "://",
            "h://",
            "a=&",
            "护照",
        ),
        *(
            "住院号",
            "住院号1、",
            "电话",
            "(0",
            "+86",
            "E1",
            "123456789 ",
            "E12345678、",
            "6222 ",
            "京A",
            "0.0.0.",
            "１",
            "[",
            "[手机号",
        ),
    ],
)
def test_time_grows_with_the_length_and_not_with_its_square(unit: str) -> None:
    """A quadratic pattern would need minutes for one of these."""
    text = (unit * SIZE)[:SIZE]
    assert all(isinstance(finding, Finding) for finding in find_personal_data(text))
