"""The filter on machine-written and translated text, by phrases that give it away.

Limits: only what names itself is found. Text of a model without such a phrase passes, and people can be hit who write
about models, or who answer a customer with "很抱歉，我无法提供"; phrases that people use as well count half. This is no
detector of generated text: none is reliable on short texts (Sadasivan et al., 2023, arXiv:2303.11156).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finetrie.data.filters import FILTERS
from finetrie.data.filters.base import NO_COLUMNS, Drop
from finetrie.errors import ConfigError, suggest
from finetrie.records import Example

_START = r"\A[^0-9A-Za-z\u3400-\u9fff]*"  # at the beginning, whatever signs stand before
_AI = r"(?:人工智能|[AＡaａ][IＩiｉ])"
_A = r"(?:一个|一款|一名|一种|个)?(?:大型|大规模)?"
_LANGUAGE_MODEL = rf"{_A}{_AI}?的?大?语言模型"
_ASSISTANT = rf"{_A}{_AI}(?:模型|助手|助理|程序|机器人)"
_SORRY = r"(?:非常|很|十分)?(?:抱歉|对不起|遗憾)[，,。]?\s*(?:但|但是)?"
_CANNOT = r"(?:can't|cannot|am unable|am not able)"

TELL_TALES: dict[str, dict[float, tuple[str, ...]]] = {
    "identity": {
        1.0: (
            rf"(?:作为|身为){_LANGUAGE_MODEL}(?!的|领域|行业|公司)",
            rf"(?:作为|身为)(?:{_ASSISTANT}[，,]?|{_A}{_AI}[，,])\s*我",
            rf"我(?:只)?是(?:由[^，。,.\s]{{1,12}}?(?:训练|开发|研发)的)?(?:{_LANGUAGE_MODEL}|{_ASSISTANT})",
            r"我(?:是|叫)\s*(?:ChatGPT|GPT-4|Qwen|DeepSeek|文心一言|通义千问)",
            r"(?:本文|以上内容|以下内容|该内容|此内容)(?:由|是)[^，。]{0,10}?(?:AI|人工智能)(?:自动)?(?:生成|撰写|写作)",
            r"\bas an? (?:\w+ )?(?:ai|artificial intelligence)(?: language)?(?: model| assistant)?\b,? i\b",
            r"\bas an? (?:ai|large) language model\b",
            r"\b(?:i'm|i am) (?:just |only )?an? (?:ai|large) language model\b",
            r"\b(?:i was|i'm|i am) (?:trained|developed|created) by (?:openai|anthropic|google|alibaba|deepseek)\b",
            r"\b(?:i'm|i am) (?:chatgpt|gpt-4|qwen|deepseek)\b",
            r"\b(?:text|article|content|answer|response) (?:was|is) (?:written|generated|created) by "
            r"(?:an? )?(?:ai|chatgpt|artificial intelligence|(?:large )?language model)\b",
        ),
    },
    "knowledge limit": {
        1.0: (
            r"我的(?:知识|训练数据)(?:库)?(?:更新)?(?:截止|截至)",
            r"截[至止]我(?:的)?(?:最后|上次|最近)?(?:一次)?(?:知识|数据)?更新",
            r"\bmy knowledge cut-?off\b",
            r"\bas of my (?:last|latest|knowledge) (?:knowledge )?(?:update|cut-?off)\b",
            r"\bmy training data (?:only )?(?:goes|extends|includes|ends)\b",
            r"\bi (?:do not|don't) have access to real-time (?:data|information)\b",
        ),
        0.5: (
            r"我无法(?:访问|获取)(?:互联网|实时)",
            r"\bi (?:can't|cannot|am unable to) browse the (?:internet|web)\b",
        ),
    },
    "refusal": {
        1.0: (
            rf"{_START}{_SORRY}(?:作为[^，。]{{1,20}}[，,]\s*)?我(?:无法|不能|没有办法)(?:为[你您])?"
            r"(?:提供|回答|协助|帮助|生成|完成|满足|讨论|继续)",
            rf"{_START}(?:(?:(?:i'm|i am) )?(?:very |really )?sorry|i apologi[sz]e),? (?:but )?"
            rf"i(?: {_CANNOT}|'m unable)\b",
            rf"{_START}i(?:'m unable to| am unable to| can't| cannot) "
            r"(?:assist|help|comply|fulfill|provide|generate)\b.{0,20}\b(?:with|that|this|request)\b",
        ),
        0.5: (
            rf"{_START}unfortunately,? i(?: {_CANNOT}|'m unable)\b",
            r"违反(?:了)?(?:我们的)?(?:使用政策|内容政策|社区准则)",
            r"\b(?:violates?|against) (?:openai|our|the)(?:'s)? (?:content|usage|use) polic",
        ),
    },
    "chat": {
        1.0: (rf"{_START}regenerate response\b", r"\bregenerate response\s*\Z", r"\bchatgpt said:"),
        0.5: (
            r"希望(?:以上|这些|这个|我的)(?:内容|信息|回答|建议|解释)?(?:能够|可以|能|会)?对[你您]有(?:所)?帮助",
            r"如果[你您](?:还)?有(?:任何)?(?:其他|更多)(?:的)?(?:问题|疑问)[，,]\s*(?:请)?(?:随时|欢迎)",
            rf"{_START}(?:当然(?:可以)?|好的)[！!，,。]\s*(?:以下|下面)是",
            r"\bi hope (?:this|that) helps\b",
            r"\bfeel free to (?:ask|reach out)\b.{0,40}\b(?:questions|help)\b",
            rf"{_START}(?:certainly|sure|of course)[!,.]\s*(?:here|below) (?:is|are)\b",
        ),
    },
    "translation": {
        1.0: (
            r"(?:谷歌|百度|有道|微软|必应|DeepL|Google)\s*(?:机器)?翻译(?:自动)?(?:生成|提供|的结果)",
            r"(?:本文|本页|以上内容|以下内容)(?:由|为|是)(?:机器|自动|软件)翻译",
            rf"{_START}(?:(?:以下|下面)是)?(?:翻译(?:如下|结果)|译文(?:如下)?)\s*[:：]",
            r"\b(?:machine|automatically) translated (?:by|from|with|using)\b",
            r"[\[(（]\s*translated from [a-z]+\s*[\])）]",
            r"\btranslated (?:by|with|using) (?:google|deepl|bing|baidu|microsoft)\b",
            rf"{_START}here(?:'s| is) the (?:[a-z]+ )?translation\b",
        ),
        0.5: (r"哦[，,]?我的(?:上帝|天哪|老天)", r"我的老伙计", r"[(（]\s*(?:机翻|机器翻译)\s*[)）]"),
    },
}
"""Kind → weight → patterns: 1 for what only a machine says of itself, a half for what people say too."""


@dataclass(frozen=True, slots=True)
class TellTale:
    """A phrase that gives a machine away; `found` stands at `start` of the part."""

    kind: str
    weight: float
    part: str  # "text", "instruction" or "target"
    start: int
    found: str


def _compiled(pattern: str) -> re.Pattern[str]:
    """ASCII, because a Chinese character is no part of a Latin word: `\\b` stands between them."""
    return re.compile(pattern.replace("'", "['’]"), re.IGNORECASE | re.ASCII)


_PATTERNS = [
    (kind, weight, _compiled(pattern))
    for kind, weights in TELL_TALES.items()
    for weight, patterns in weights.items()
    for pattern in patterns
]


def tell_tales(example: Example, kinds: tuple[str, ...] = tuple(TELL_TALES)) -> Iterator[TellTale]:
    """The first place of every phrase, in the text, the instruction and the free answer."""
    parts = {"text": example.text, "instruction": example.instruction, "target": example.target}
    for part, text in parts.items():
        if not isinstance(text, str):
            continue
        for kind, weight, pattern in _PATTERNS:
            if kind in kinds and (match := pattern.search(text)):
                yield TellTale(kind, weight, part, match.start(), match.group())


@FILTERS.register("machine_written")
@dataclass(frozen=True, slots=True)
class MachineWritten:
    """No phrases that give a machine away: "作为一个AI语言模型", "As an AI language model", refusals, "译文如下：", ...

    Args:
        kinds: which sorts of phrases, of `TELL_TALES`.
        limit: weights from which a row is dropped. At 1 one phrase that only machines write is enough, or two that
            people write too; the score is the sum of the weights.
    """

    kinds: tuple[str, ...] = tuple(TELL_TALES)
    limit: float = 1.0

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in TELL_TALES:
                raise ConfigError(
                    f"machine_written: unknown kind {kind!r}{suggest(kind, TELL_TALES)}",
                    fix=f"choose from {', '.join(TELL_TALES)}",
                )

    def __call__(self, example: Example, columns: Mapping[str, Any] = NO_COLUMNS, /) -> Drop | None:
        found = list(tell_tales(example, self.kinds))
        score = sum(phrase.weight for phrase in found)
        if not found or score < self.limit:
            return None
        listed = ", ".join(f"{p.found[:60]!r} ({p.kind}, at {p.start} of the {p.part})" for p in found[:3])
        return Drop("machine_written", f"phrases that give a machine away: {listed}", score)
