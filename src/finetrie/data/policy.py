"""Control of values: the user's word lists and classifier, and what is done about what they find.

A category is a list of phrases and one action: `drop` the row, `mask` the words, or `flag` the row for a person.
Phrases are found in any case, width or compatibility form (NFKC), with invisible characters between; Latin words only
as whole words, Chinese anywhere. Offsets are those of the text as it stands.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from finetrie.data.cleaning import Change, Cleaned, LostEntity, Step, clean
from finetrie.data.cleaning.applying import texts
from finetrie.data.cleaning.unicode import segments
from finetrie.data.edits import Edit
from finetrie.data.filters import Drop
from finetrie.errors import ConfigError, DataError, suggest
from finetrie.records import Example

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Action: TypeAlias = Literal["drop", "mask", "flag"]
ACTIONS: tuple[str, ...] = get_args(Action)

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
# Scripts that set no spaces between words, and Korean, whose particles follow a word without one.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005\u3040-\u318f\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)

Classify: TypeAlias = Callable[[str], tuple[str, float]]
"""A classifier of the user's: a text's category and its probability. Any finetrie run can serve as one."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of content, the phrases that show it, and what is done about it.

    Args:
        token: what masked words become, such as "[广告]"; empty: as many asterisks as they have characters.
    """

    name: str
    phrases: tuple[str, ...] = ()
    action: Action = "flag"
    token: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ConfigError(
                f"category {self.name!r}: unknown action {self.action!r}{suggest(str(self.action), ACTIONS)}",
                fix=f"choose from {', '.join(ACTIONS)}",
            )
        for phrase in self.phrases:
            if not fold(phrase)[0].strip():
                raise ConfigError(f"category {self.name!r}: the phrase {phrase!r} is empty", fix="take it off the list")


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a category was found in a row: a phrase, or the whole text by the classifier."""

    origin: str
    rule: str  # "policy"
    category: str
    action: Action
    part: str  # "text", "instruction", "target" or "history[0]"
    start: int
    end: int
    found: str  # the words as they stand; empty for the classifier
    phrase: str | None  # as on the list; None for the classifier
    score: float  # 1 for a phrase, the classifier's probability


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of one row. `example` has its words masked; `drop` says why it would be left out."""

    example: Example
    hits: tuple[Hit, ...]
    drop: Drop | None
    changes: tuple[Change, ...]
    lost: tuple[LostEntity, ...]

    @property
    def flags(self) -> tuple[Hit, ...]:
        """What a person should look at."""
        return tuple(hit for hit in self.hits if hit.action == "flag")


@dataclass(frozen=True, slots=True)
class Policy:
    """Categories, ready to be found in one pass over a text, however many phrases there are (Aho-Corasick).

    Args:
        classify: asked about every text; its answer counts where it is the name of one of the categories and its
            probability is at least `threshold`. It shows no place, so `mask` is a flag for it.

    Raises:
        ConfigError: two categories have the same name or a token holds a phrase.
    """

    categories: tuple[Category, ...]
    classify: Classify | None = None
    threshold: float = 0.5
    automaton: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [category.name for category in self.categories]
        if again := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"policy: two categories are called {again[0]!r}", fix="join their lists")
        object.__setattr__(self, "automaton", _automaton(self.categories))
        for category in self.categories:
            if found := self.find(category.token):
                raise ConfigError(
                    f"category {category.name!r}: its token {category.token!r} holds the phrase {found[0].phrase!r}",
                    fix="take a token that no list has, or leave it out for asterisks",
                )

    def judge(self, example: Example, *, parts: Collection[str] = ("text",)) -> Verdict:
        """Look a row through; its words are masked where a category asks for it, and entity offsets follow.

        Args:
            parts: of `finetrie.data.cleaning.applying.PARTS`. The classifier sees the text only.
        """
        hits = [hit for part, text in texts(example, parts) for hit in self.find(text, example.origin, part)]
        hits += self._classified(example)
        cleaned = Cleaned(example, (), ())
        if any(hit.action == "mask" for hit in hits):
            cleaned = clean(example, [Step("policy", self._masks, rule="policy_mask")], parts=parts)
        drop = next((_drop(hit) for hit in hits if hit.action == "drop"), None)
        return Verdict(cleaned.example, tuple(hits), drop, cleaned.changes, cleaned.lost)

    def find(self, text: str, origin: str = "", part: str = "text") -> tuple[Hit, ...]:
        """The phrases of all categories, in order of place; within a category the longest where several overlap."""
        hits = []
        furthest = dict.fromkeys(range(len(self.categories)), -1)
        for start, negative_end, number, phrase in sorted(self._matches(text)):
            end, category = -negative_end, self.categories[number]
            if end > furthest[number]:
                furthest[number] = end
                found = text[start:end]
                hits.append(Hit(origin, "policy", category.name, category.action, part, start, end, found, phrase, 1.0))
        return tuple(hits)

    def _matches(self, text: str) -> Iterator[tuple[int, int, int, str]]:
        """(start, -end, number of the category, phrase): sorted, the longer of two that begin together comes first."""
        if self.automaton is None:
            return
        folded, starts, ends = fold(text)
        for last, (length, owners) in self.automaton.iter(folded):
            first = last + 1 - length
            if _stands_alone(folded, first, last):
                yield from ((starts[first], -ends[last], number, phrase) for number, phrase in owners)

    def _masks(self, text: str) -> tuple[Edit, ...]:
        edits: list[Edit] = []
        tokens = {category.name: category.token for category in self.categories}
        for hit in self.find(text):
            if hit.action != "mask" or (edits and hit.end <= edits[-1].end):
                continue
            start = max(hit.start, edits[-1].end) if edits else hit.start
            new = tokens[hit.category] or "*" * (hit.end - start)
            if new != text[start : hit.end]:
                edits.append(Edit(start, hit.end, new))
        return tuple(edits)

    def _classified(self, example: Example) -> list[Hit]:
        if self.classify is None:
            return []
        name, probability = self.classify(example.text)
        category = next((category for category in self.categories if category.name == name), None)
        if category is None or not probability >= self.threshold:
            return []
        action: Action = "flag" if category.action == "mask" else category.action
        return [Hit(example.origin, "policy", name, action, "text", 0, len(example.text), "", None, float(probability))]


def _drop(hit: Hit) -> Drop:
    shown = f"{hit.found!r} at {hit.start} of the {hit.part}" if hit.phrase else f"the classifier, {hit.score:.2f}"
    return Drop("policy", f"category {hit.category!r}: {shown}", hit.score)


def fold(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The text as phrases are compared (NFKC, case folded, nothing invisible), and where each of its characters is
    from: `text[starts[i]:ends[j]]` is what became of folded[i:j + 1]."""
    narrow = text.translate(_FULL_WIDTH)
    folded = narrow.casefold()
    plain = unicodedata.is_normalized("NFKC", narrow) and not _INVISIBLE.search(text)
    if plain and len(folded) == len(text):
        return folded, range(len(text)), range(1, len(text) + 1)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in segments(text):
        part = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text[start:end])).casefold()
        parts.append(part)
        starts += [start] * len(part)
        ends += [end] * len(part)
    return "".join(parts), starts, ends


def _stands_alone(folded: str, first: int, last: int) -> bool:
    """Whether a phrase is cut out of no longer word, at those of its ends where words are set apart by spaces."""
    left_free = first == 0 or not (_in_word(folded[first]) and _in_word(folded[first - 1]))
    right_free = last + 1 == len(folded) or not (_in_word(folded[last]) and _in_word(folded[last + 1]))
    return left_free and right_free


def _in_word(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)


def _automaton(categories: Sequence[Category]) -> Any:
    words: dict[str, list[tuple[int, str]]] = {}
    for number, category in enumerate(categories):
        for phrase in dict.fromkeys(category.phrases):
            words.setdefault(fold(phrase)[0].strip(), []).append((number, phrase))
    if not words:
        return None
    from ahocorasick import Automaton  # type: ignore[import-untyped, import-not-found, unused-ignore]

    automaton = Automaton()
    for word, owners in words.items():
        automaton.add_word(word, (len(word), owners))
    automaton.make_automaton()
    return automaton


def read_categories(path: Path | str) -> tuple[Category, ...]:
    """Categories from a file of the user's, in UTF-8.

    A `.toml` file holds a table for each: `[gambling]`, `action = "mask"`, `phrases = ["...", "..."]`. Any other file
    is a list with a phrase a line, `#` before remarks; the category is named after the file and flags.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, None, f"cannot be read: {error}", fix="name a UTF-8 file with a phrase a line") from None
    if path.suffix.lower() == ".toml":
        return tuple(_categories_of_toml(path, content))
    lines = (line.strip() for line in content.split("\n"))
    phrases = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    return (Category(path.stem, phrases),)


def _categories_of_toml(path: Path, content: str) -> Iterable[Category]:
    try:
        tables = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise DataError(path, None, f"not valid TOML: {error}", fix="correct the file") from None
    for name, table in tables.items():
        values = dict(table) if isinstance(table, dict) else {"": table}
        phrases, action, token = values.pop("phrases", []), values.pop("action", "flag"), values.pop("token", "")
        if values or not isinstance(phrases, list) or not all(isinstance(item, str) for item in (*phrases, token)):
            raise DataError(
                path,
                None,
                f"[{name}] must hold phrases (a list of texts), action and token only",
                fix='write it like this: [gambling], action = "mask", phrases = ["...", "..."]',
            )
        yield Category(name, tuple(phrases), action, token)


EXAMPLE_CATEGORIES: tuple[Category, ...] = (
    Category(
        "advertising",
        (
            "加微信领取",
            "扫码领取",
            "限时免费领",
            "点击链接领取",
            "关注公众号领",
            "click here to claim",
            "limited time offer",
        ),
    ),
    Category(
        "gambling",
        ("在线博彩", "网上赌场", "真人荷官", "百家乐平台", "六合彩特码", "online casino", "sports betting bonus"),
    ),
)
"""A small example of two lists, to start one's own from. They flag, and they are far from complete."""
