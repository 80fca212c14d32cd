"""Documents of persons: identity card, passport, travel permit, number plate, medical record; names and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetrie.data.privacy.checks import BIRTH_YEARS, PROVINCES, id_check, is_birthday, is_id_card
from finetrie.data.privacy.context import GAP, labelled, named
from finetrie.data.privacy.kinds import KINDS, Kind, Match
from finetrie.data.privacy.patterns import FOLD, LEFT, RIGHT, everywhere, fill, size_of, spans

_ID_CARD = everywhere(f"{LEFT}[1-9](?:[ -]?[0-9]){{16}}[ -]?[0-9Xx]{RIGHT}")
_ID_LABEL = re.compile(f"身份证(?:件)?(?:号码|号)?{GAP}")
_OLD_ID_CARD = re.compile(f"[1-9][0-9]{{14}}{RIGHT}")


def _id_cards(text: str) -> Iterator[Match]:
    for start, end, value in spans(_ID_CARD, text):
        if is_id_card(value.replace(" ", "").replace("-", "")):
            yield Match(start, end, checked=True)
    # Cards issued before 1999 have 15 digits, no century and no check character.
    for start, end in labelled(text, _ID_LABEL, _OLD_ID_CARD):
        value = text[start:end]
        if value[:2] in PROVINCES and is_birthday("19" + value[6:8], value[8:10], value[10:12]):
            yield Match(start, end, checked=False)


def _fake_id_card(value: str, number: int) -> str:
    """No province has the code 00, and the check character is a wrong one."""
    size = size_of(value)
    body = f"00{number:0{size - 3}d}"
    wrong = str((int(id_check(body).replace("X", "9")) + 1) % 10) if size == 18 else "0"
    return fill(value, body + wrong)


KINDS.register("id_card")(
    Kind(
        tag=("身份证号", "ID_CARD"),
        evidence=f"check character (GB 11643), province, born {BIRTH_YEARS.start} to {BIRTH_YEARS.stop - 1};"
        " 15 digits: called an identity card",
        find=_id_cards,
        digits=15,
        fake=_fake_id_card,
        precedence=2,
    )
)

# The letters I and O are left out of the series because they look like 1 and 0. A surrogate's tag names nothing.
_PASSPORT = re.compile(f"{LEFT}(?:[A-HJ-NP-Z]{{1,2}}[0-9]{{6,9}}|[0-9]{{9}}){RIGHT}", FOLD)
_PASSPORT_WORDS = re.compile(r"(?<!\[)(?:护照(?:[^，。,.;；]{0,4}(?:号码|编号|号))?|passport)", FOLD)


def _passports(text: str) -> Iterator[Match]:
    for start, end in named(text, _PASSPORT, _PASSPORT_WORDS):
        yield Match(start, end, checked=False)


def _fake_series(value: str, number: int) -> str:
    """A series O, which is never issued."""
    return fill(value, f"O{number:0{size_of(value) - 1}d}")


KINDS.register("passport")(
    Kind(tag=("护照号", "PASSPORT"), evidence="the word passport nearby", find=_passports, digits=6, fake=_fake_series)
)

_PERMIT = re.compile(f"{LEFT}[CHLMTW][A-HJ-NP-Z]?[0-9]{{7,10}}{RIGHT}", FOLD)
_PERMIT_WORDS = re.compile(
    r"(?<!\[)(?:(?:通行证|回乡证|台胞证)(?:[^，。,.;；]{0,4}(?:号码|编号|号))?|(?:travel|return) permit)", FOLD
)
_COMPATRIOT = re.compile(f"台(?:胞证|湾居民来往大陆通行证)(?:号码|编号|号)?{GAP}")
_COMPATRIOT_NUMBER = re.compile(f"[0-9]{{8}}(?:[0-9]{{2}})?{RIGHT}")


def _permits(text: str) -> Iterator[Match]:
    for start, end in named(text, _PERMIT, _PERMIT_WORDS):
        yield Match(start, end, checked=False)
    for start, end in labelled(text, _COMPATRIOT, _COMPATRIOT_NUMBER):
        yield Match(start, end, checked=False)


KINDS.register("travel_permit")(
    Kind(
        tag=("通行证号", "TRAVEL_PERMIT"),
        evidence="the name of a permit for Hong Kong, Macau, Taiwan or the mainland nearby",
        find=_permits,
        digits=7,
        fake=_fake_series,
    )
)

# 北京A… is Beijing and a letter, 最新A… is new: a plate's province stands for itself.
_WORD_ENDS = "北京|南京|东京|天津|更新|最新|全新|崭新|创新|重新|四川|银川|南宁|辽宁|江苏|里云|讯云|为云|度云"
_SERIAL = r"[A-HJ-NP-Z0-9]"
_PLATE = re.compile(
    rf"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼](?<!{_WORD_ENDS})"
    r" ?[A-HJ-NP-Z] ?[·•・.\-]? ?"
    rf"(?:(?:[A-HJK]{_SERIAL}[0-9]{{4}}|[0-9]{{5}}[A-HJK]|{_SERIAL}{{5}}){RIGHT}|{_SERIAL}{{4}}[挂学警港澳])",
    FOLD,
)


def _plates(text: str) -> Iterator[Match]:
    for match in _PLATE.finditer(text):
        serial = [c for c in match[0][2:] if c.isascii() and c.isalnum()]
        # Two letters at most in a serial: 「新AMDRYZEN」 has more.
        if sum(c.isalpha() for c in serial) <= 2:
            yield Match(*match.span(), checked=False)


def _fake_plate(value: str, number: int) -> str:
    """A plate of series I, which is never issued, and always of the same province, because a province tells much."""
    return "京" + fill(value[1:], f"I{number:0{size_of(value[1:]) - 1}d}")


KINDS.register("number_plate")(
    Kind(
        tag=("车牌号", "NUMBER_PLATE"),
        evidence="a province that stands for itself, a series letter and a serial of GA 36",
        find=_plates,
        digits=2,
        fake=_fake_plate,
    )
)

_RECORD_LABEL = re.compile(
    r"(?<!\[)(?:(?:病历|病案|病例|病人|患者|住院|门诊|急诊|就诊|诊疗|医疗记录)(?:登记|卡|证)?(?:编号|号码|号|ID)"
    r"|(?<![A-Za-z])(?:MRN|(?:medical record|patient|hospital|admission) ?(?:number|no|id)(?![a-z])[.]?))" + GAP,
    FOLD,
)
_RECORD = re.compile(
    r"(?=(?:[A-Za-z-]{0,5}[0-9]){4})(?!(?:19|20)[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}(?![0-9]))"  # four digits, and no date
    rf"[0-9A-Za-z]{{1,16}}(?:-[0-9A-Za-z]{{1,10}}){{0,3}}{RIGHT}(?!-[0-9A-Za-z]|[年月日例份人元%])"
)


def _records(text: str) -> Iterator[Match]:
    for start, end in labelled(text, _RECORD_LABEL, _RECORD):
        yield Match(start, end, checked=False)


# A record number has no form that a hospital could not give out, so it has no fake.
KINDS.register("medical_record")(
    Kind(
        tag=("病历号", "MEDICAL_RECORD"), evidence="called a record, admission or visit number", find=_records, digits=4
    )
)


def _by_model_only(text: str) -> Iterator[Match]:
    return iter(())


for _name, _tag in (("name", ("姓名", "NAME")), ("address", ("地址", "ADDRESS"))):
    KINDS.register(_name)(Kind(tag=_tag, evidence="the entity model", find=_by_model_only, key=str.casefold))
