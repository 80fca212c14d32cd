"""Words near a number that say what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finetrie.data.privacy.patterns import FOLD

WINDOW = 32
"""Characters before a number among which its name is looked for."""

GAP = r"[ :：=#是为()（）【】“”\"']{0,4}"
"""What stands between a name and its number when nothing else does."""

_BREAK = re.compile(r"[。！？!?；;\n]")
_JOINT = re.compile(r" ?(?:[、/]|和|及|或) ?")
_LIST = re.compile(r" ?(?:[、，,/]|和|及|或|and) ?| ")
_BRACKET = re.compile(r" ?(?:[(（【]|号) ?")
_OTHER = re.compile(
    "订单|单号|快递|运单|工号|学号|型号|批号|编号|合同|发票|航班|车次|房号|产品|序列|货号|款号|流水"
    "|护照|通行证|回乡证|台胞证|身份证|病历|病案|住院|门诊|QQ|微信|电话|手机|邮编"
    "|passport|permit|MRN|record|order|invoice|model|flight|serial|tracking|product|sku|ticket",
    FOLD,
)


def named(text: str, pattern: re.Pattern[str], words: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Spans of `pattern` that one of the `words` names: before them in the clause, right after them, or for a whole
    list. Of two names before a number the nearer counts: in 「护照已收，订单号E12345678」 that is the order."""
    if not words.search(text):
        return
    previous: int | None = None
    for match in pattern.finditer(text):
        start, end = match.span()
        listed = previous is not None and _LIST.fullmatch(text, previous, start)
        if listed or named_before(text, start, words) or _named_after(text, end, words):
            previous = end
            yield start, end


def labelled(text: str, label: re.Pattern[str], value: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Spans of `value` directly behind a `label`, and of those listed after the first. `label` ends with the gap."""
    for name in label.finditer(text):
        found = value.match(text, name.end())
        while found:
            yield found.span()
            joint = _JOINT.match(text, found.end())
            found = value.match(text, joint.end()) if joint else None


def named_before(text: str, start: int, words: re.Pattern[str]) -> bool:
    """Whether the nearest name in the clause before `start` is one of the `words`."""
    clause = _BREAK.split(text[max(0, start - WINDOW) : start])[-1]
    own = _last(words, clause)
    return own >= 0 and own >= _last(_OTHER, clause)


def _named_after(text: str, end: int, words: re.Pattern[str]) -> bool:
    # Without a bracket the word would as well name the number after it: 「E12345678 护照号…」.
    bracket = _BRACKET.match(text, end)
    return bracket is not None and words.match(text, bracket.end()) is not None


def _last(words: re.Pattern[str], clause: str) -> int:
    return max((match.end() for match in words.finditer(clause)), default=-1)
