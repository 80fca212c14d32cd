"""Ways to reach a person: mobile and landline numbers, mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetrie.data.privacy.context import labelled
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

_CODE = r"(?:(?:(?<![0-9])\+|(?<![0-9A-Za-z])(?:00)?)86|(?<![0-9])[(（](?:\+|00)?86[)）])[ -]?"
_BEFORE = rf"(?:{LEFT}|(?<=tel)|(?<=phone)|(?<=mobile))"
_SHAPES = grouped((11,), (3, 4, 4), (4, 3, 4), (3, 8), (7, 4), (3, 3, 5), (5, 3, 3), (5, 6))
_MOBILE = everywhere(rf"(?:{_CODE}|{_BEFORE}0?)(?=1[3-9])(?:{_SHAPES}){RIGHT}{NO_UNIT}")


def _is_in_plan(national: str, kind: str) -> bool:
    """Whether China's numbering plan has this number, with its trunk 0 where it needs one, as `kind`."""
    import phonenumbers  # large tables, needed by texts with numbers only

    try:
        number = phonenumbers.parse(national, "CN")
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(number) == getattr(phonenumbers.PhoneNumberType, kind))


def _national(value: str) -> str:
    """The last eleven digits: country code and trunk 0 are the same for every mobile number."""
    return value if any(character.isalpha() for character in value) else digits_of(value)[-11:]


def _mobiles(text: str) -> Iterator[Match]:
    for start, end, value in spans(_MOBILE, text):
        if _is_in_plan(_national(value), "MOBILE"):
            yield Match(start, end, checked=True)


def _fake_mobile(value: str, number: int) -> str:
    """No mobile number begins with 100."""
    return fill(value, f"{digits_of(value)[:-11]}100{number:08d}")


KINDS.register("mobile")(
    Kind(
        tag=("手机号", "PHONE"),
        evidence="a mobile number of China's numbering plan",
        find=_mobiles,
        digits=11,
        fake=_fake_mobile,
        key=_national,
    )
)

_LOCAL = r"[2-8][0-9]{2,3}[ -]?[0-9]{4}"
_EXTENSION = r"(?:(?: ?(?:转|分机|ext\.?) ?|-)[0-9]{1,5})?"
_DASH = "(?: ?- ?| )?"
_AREA = "(?:10|2[0-9]|[3-9][0-9]{2})"
_TRUNK = rf"(?:[(（]0{_AREA}[)）]|0{_AREA})"
_ABROAD = rf"{_CODE}(?:[(（]0[)）])?(?:{_TRUNK}|{_AREA})"
_LANDLINE = everywhere(rf"(?:{_ABROAD}|(?:{_BEFORE}|(?=[(（])){_TRUNK}){_DASH}{_LOCAL}{_EXTENSION}{RIGHT}{NO_UNIT}")
_NAMED_EXTENSION = re.compile(r" ?(?:转|分机|ext\.?) ?[0-9]{1,5}$", FOLD)
_BARE_EXTENSION = re.compile(r"(?<=[0-9]{4})-[0-9]{1,5}$")
_PHONE_LABEL = re.compile(
    r"(?<!\[)(?:(?:电话|座机|固话|传真)(?:号码|号)?"
    r"|(?<![A-Za-z])(?:tel|telephone|phone|fax|landline)(?: ?(?:no|number))?[.]?)[ :：是为]{0,4}",
    FOLD,
)
# Also numbers of the nineties, when areas that now have eight digits had seven.
_CALLED_SO = re.compile(rf"(?:{_TRUNK}{_DASH})?{_LOCAL}{_EXTENSION}{RIGHT}(?![年月日])", FOLD)


def _landlines(text: str) -> Iterator[Match]:
    for start, end, value in spans(_LANDLINE, text):
        if _is_in_plan(_with_trunk(value), "FIXED_LINE"):
            yield Match(start, end, checked=True)
    for start, end in labelled(text, _PHONE_LABEL, _CALLED_SO):
        yield Match(start, end, checked=False)


def _with_trunk(value: str) -> str:
    """Area code and number after one 0, without country code and extension."""
    digits = digits_of(_without_extension(value))
    for code in ("0086", "86"):
        digits = digits.removeprefix(code)
    return "0" + digits.lstrip("0")


def _without_extension(value: str) -> str:
    value = _NAMED_EXTENSION.sub("", value)
    cut = _BARE_EXTENSION.sub("", value)
    return cut if len(digits_of(cut)) >= 10 else value


def _fake_landline(value: str, number: int) -> str:
    """No area code and no local number begins with 00. The extension is left out."""
    main = _without_extension(value)
    return fill(main, f"{number:0{size_of(main)}d}")


KINDS.register("landline")(
    Kind(
        tag=("固定电话", "LANDLINE"),
        evidence="a landline number of China's numbering plan, or called a telephone",
        find=_landlines,
        digits=7,
        fake=_fake_landline,
    )
)

_LOCAL_PART = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-"
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_TOP_LEVEL = re.compile(r"[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59}")
_COPY_PATH = re.compile(r":[\w.~-]+/", re.ASCII)
_NO_TOP_LEVEL = re.compile("png|jpe?g|gif|webp|svg|ico|bmp|css|[jt]s|json|html|gz|pdf|txt|invalid", FOLD)


def _emails(text: str) -> Iterator[Match]:
    # From each @ outwards, so that a line of a million letters costs no more than its length.
    at = text.find("@")
    while at >= 0:
        before = text[max(0, at - 64) : at]
        local = before[len(before.rstrip(_LOCAL_PART)) :].lstrip(".%+-")
        found = _DOMAIN.match(text, at + 1)
        domain = found[0].rstrip(".-") if found else ""
        end = at + 1 + len(domain)
        if local and not local.endswith(".") and _is_host(domain) and not _COPY_PATH.match(text, end):
            yield Match(at - len(local), end, checked=True)
        at = text.find("@", at + 1)


def _is_host(domain: str) -> bool:
    """Whether a mail address may end like this. `.invalid` is reserved for names that do not exist (RFC 2606)."""
    *labels, top = domain.split(".")
    if not labels or not _TOP_LEVEL.fullmatch(top) or _NO_TOP_LEVEL.fullmatch(top):
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


def _fake_email(value: str, number: int) -> str:
    """At the host example.invalid, which never exists (RFC 2606)."""
    return f"user{number}@example.invalid"


KINDS.register("email")(
    Kind(
        tag=("邮箱", "EMAIL"),
        evidence="host and top-level domain are well formed, and no file's ending",
        find=_emails,
        fake=_fake_email,
        key=str.casefold,
    )
)
