"""Fake personal data for a few rows, with valid check digits, right beside Chinese characters as in real files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from finetrie.data.sample.chance import Chance

if TYPE_CHECKING:
    from finetrie.data.sample.generator import Brief

REGIONS = ("110101", "310104", "320102", "330106", "420106", "440305", "510104", "610113")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity_number(chance: Chance) -> str:
    """18 characters: region, birthday, serial, and the check character of GB 11643 (ISO 7064 MOD 11-2)."""
    day = f"{chance.between(1950, 2005)}{chance.between(1, 12):02d}{chance.between(1, 28):02d}"
    body = chance.pick(REGIONS) + day + f"{chance.between(1, 999):03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, ID_WEIGHTS, strict=True)) % 11]


def mobile_number(chance: Chance) -> str:
    return chance.pick(("138", "139", "150", "177", "186", "199")) + "".join(str(chance.below(10)) for _ in range(8))


def mail_address(chance: Chance) -> str:
    name = chance.pick(("zhang.san", "li_si", "wangwu88", "zhao.liu", "news-desk"))
    return f"{name}@{chance.pick(('example.com', 'mail.example.cn', 'example.org'))}"


WORDINGS = {
    "zh": {"id_card": "登记身份证号{}备查。", "phone": "详询电话{}联系人不便透露。", "mail": "请发到{}谢谢。"},
    "en": {
        "id_card": " ID number {} is on file.",
        "phone": " Call {} for details.",
        "mail": " Write to {} for details.",
    },
}


def add(chance: Chance, brief: Brief) -> tuple[Brief, tuple[str, ...]]:
    """`brief` with one or two pieces of fake personal data at its end, and their kinds in order."""
    kinds = tuple(chance.sample(("id_card", "phone", "mail"), 1 + chance.below(2)))
    make = {"id_card": identity_number, "phone": mobile_number, "mail": mail_address}
    text = brief.text
    for kind in kinds:
        text += WORDINGS[brief.language][kind].format(make[kind](chance))
    return replace(brief, text=text), kinds
