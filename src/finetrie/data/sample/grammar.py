"""From a sentence plan with slots to a text that knows where its entities are.

A plan is a string like `"{PER}率{ORG}在{GPE}夺得{cup}冠军。"`. Upper-case slots are entities, lower-case slots words.
A slot that ends in a digit is another one of its kind: `{ORG}` and `{ORG2}` are two organisations, and every
`{ORG}` of one brief is the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from finetrie.data.sample import names
from finetrie.data.sample.chance import Chance
from finetrie.records import Span

SLOT = re.compile(r"\{([A-Za-z]+)(\d?)\}")
LABELS = ("体育", "财经", "科技", "教育", "健康", "娱乐", "旅游", "汽车", "房产", "农业")
ENTITY_LABELS = ("PER", "ORG", "LOC", "GPE")


@dataclass(frozen=True)
class Topic:
    """How one class of news sounds in one language."""

    label: str
    words: Mapping[str, Sequence[str]]
    headlines: Sequence[str]
    sentences: Sequence[str]


def topic(label: str, words: Mapping[str, str], headlines: str, sentences: str) -> Topic:
    """A `Topic` from blocks of text: words are parted by `|` or spaces, plans stand one a line."""
    return Topic(
        label,
        {
            kind: [w.strip() for w in block.split("|")] if "|" in block else block.split()
            for kind, block in words.items()
        },
        plans(headlines),
        plans(sentences),
    )


def plans(block: str) -> list[str]:
    return [line.strip() for line in block.strip().splitlines() if line.strip()]


@dataclass
class Teller:
    """Fills plans for one brief: the same slot gives the same entity, and spans are kept as the text grows."""

    chance: Chance
    language: str
    label: str  # whose organisations the brief speaks of
    words: Mapping[str, Sequence[str]]
    text: str = ""
    spans: list[Span] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)

    def say(self, plan: str) -> None:
        """Append the filled plan."""
        if self.language == "en" and self.text:
            self.text += " "
        end = 0
        for slot in SLOT.finditer(plan):
            self.text += plan[end : slot.start()]
            end = slot.end()
            kind, number = slot.groups()
            value = self._fill(kind, number)
            if kind in ENTITY_LABELS:
                self.spans.append(Span(len(self.text), len(self.text) + len(value), kind))
            self.text += value
        self.text += plan[end:]

    def _fill(self, kind: str, number: str) -> str:
        if kind in self.words:
            return self.chance.pick(self.words[kind])
        if kind not in ENTITY_LABELS:
            return FILLERS[kind](self.chance, self.language)
        key = kind + number
        while key not in self.known:
            name = self._name(kind)
            if name not in self.known.values():
                self.known[key] = name
        return self.known[key]

    def _name(self, kind: str) -> str:
        if kind == "PER":
            return names.person(self.chance, self.language)
        if kind == "GPE":
            return names.state(self.chance, self.language)
        if kind == "LOC":
            return names.place(self.chance, self.language)
        # A third of the organisations come from another trade: a bank sponsors a match, a university opens a clinic.
        label = self.label if self.chance.happens(0.66) else self.chance.pick(LABELS)
        return names.organisation(self.chance, self.language, label)


def number(chance: Chance, language: str) -> str:
    high = chance.pick((20, 100, 900, 9000))
    return str(chance.between(2, high))


def small_number(chance: Chance, language: str) -> str:
    return str(chance.between(6, 79))


def percent(chance: Chance, language: str) -> str:
    value = chance.between(11, 689)
    return f"{value // 10}.{value % 10}%" if chance.happens(0.6) else f"{value // 10}%"


def day(chance: Chance, language: str) -> str:
    if language == "en":
        return chance.pick(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
    plain = ("昨日", "今天", "近日", "日前", "本周", "上周末", "本月初", "今晨")
    return chance.pick(plain) if chance.happens(0.5) else f"{chance.between(1, 12)}月{chance.between(1, 28)}日"


def money(chance: Chance, language: str) -> str:
    value = chance.between(2, 980)
    if language == "en":
        return f"${value} million"
    return f"{value}{chance.pick(('万元', '亿元', '余万元', '多亿元'))}"


FILLERS: Mapping[str, Callable[[Chance, str], str]] = {
    "n": number,
    "few": small_number,
    "pct": percent,
    "day": day,
    "money": money,
}
