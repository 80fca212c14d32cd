"""Numbers of accounts and companies: bank card and unified social credit code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetrie.data.privacy.checks import CODE_ALPHABET, code_check, is_credit_code, is_like_id_card, is_luhn, luhn_check
from finetrie.data.privacy.context import named_before
from finetrie.data.privacy.kinds import KINDS, Kind, Match
from finetrie.data.privacy.patterns import (
    FOLD,
    LEFT,
    NO_UNIT,
    RIGHT,
    digits_of,
    everywhere,
    fill,
    grouped,
    size_of,
    spans,
)

_STRETCH = everywhere(f"{LEFT}[0-9]{{4}}(?:[ -]?[0-9]){{9,15}}")
_GROUP = re.compile("[0-9]+")
_SHAPE = re.compile(
    "[0-9]{13,19}|"
    + grouped(
        *((4, 4, 4, last) for last in (1, 2, 3, 4)),
        *((4, 4, 4, 4, last) for last in (1, 2, 3)),
        *((6, last) for last in (10, 11, 12, 13)),
        (4, 6, 4),
        (4, 6, 5),
    )
)
_END = re.compile(RIGHT + NO_UNIT)

# One number in ten passes Luhn's test, so without a word that says card the issuer must be one there is, with its
# lengths: UnionPay, Discover, older Chinese debit cards, Visa, Mastercard, Maestro, American Express, JCB, Diners.
_ISSUED = re.compile(
    r"6[0289][0-9]{14,17}|6(?:4[4-9]|5[0-9])[0-9]{13}|955[5-9][0-9]{12,15}|103[0-9]{16}"
    r"|4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[0-8][0-9]{14}"
    r"|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}|3(?:0[0-5]|[689][0-9])[0-9]{11}"
)
_CARD_WORDS = re.compile(
    "(?:银行|信用|储蓄|借记|工资)卡(?:号码|号)?|卡号|(?:银行|收款)?[账帐][户号]"
    "|(?:bank|credit|debit) card|card (?:no|number)",
    FOLD,
)


def _bank_cards(text: str) -> Iterator[Match]:
    for start, _, stretch in spans(_STRETCH, text):
        # A card may be followed by other digits in groups: every end of a group may be its end.
        for group in _GROUP.finditer(stretch):
            end = start + group.end()
            if _SHAPE.fullmatch(text, start, end) and _END.match(text, end) and _is_card(text, start, end):
                yield Match(start, end, checked=True)


def _is_card(text: str, start: int, end: int) -> bool:
    number = digits_of(text[start:end])
    if not is_luhn(number) or is_like_id_card(number):
        return False
    return bool(_ISSUED.fullmatch(number)) or named_before(text, start, _CARD_WORDS)


def _fake_bank_card(value: str, number: int) -> str:
    """Issuers begin with a digit from 1 to 9, and the last digit fails Luhn's test."""
    body = f"0000{number:0{size_of(value) - 5}d}"
    return fill(value, body + str((int(luhn_check(body)) + 1) % 10))


KINDS.register("bank_card")(
    Kind(
        tag=("银行卡号", "BANK_CARD"),
        evidence="check digit (Luhn), and an issuer there is or a word for card nearby",
        find=_bank_cards,
        digits=13,
        fake=_fake_bank_card,
    )
)

_CODE = re.compile(f"{LEFT}[1-9ANY][1-9][0-9]{{6}}[{CODE_ALPHABET}]{{10}}{RIGHT}", FOLD)


def _credit_codes(text: str) -> Iterator[Match]:
    for match in _CODE.finditer(text):
        if is_credit_code(match[0].upper()):
            yield Match(*match.span(), checked=True)


def _fake_credit_code(value: str, number: int) -> str:
    """No registrar has the code 0, and the check character is a wrong one."""
    body = f"00{number:015d}"
    wrong = CODE_ALPHABET[CODE_ALPHABET.index(code_check(body)) - 1]
    return fill(value, body + wrong)


KINDS.register("credit_code")(
    Kind(
        tag=("信用代码", "CREDIT_CODE"),
        evidence="check character (GB 32100), registrar and province",
        find=_credit_codes,
        digits=7,
        fake=_fake_credit_code,
        precedence=1,
    )
)
