"""Control of values: the user's word lists and classifier, and what is done about what they find.

A category is a list of phrases and one action: `drop` the row, `mask` the words, or `flag` the row for a person.
Phrases are found in any case, width or compatibility form (NFKC), with invisible characters between; Latin words only
as whole words, Chinese anywhere. Offsets are those of the text as it stands.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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

Classify: TypeAlias = Callable[[Sequence[str]], Sequence[tuple[str, float]]]
"""A classifier of the user's: texts → the label of each and its probability, in order. Any finetrie run can be one."""

CLASSIFIER = "classifier"
"""The table of a word-list file that is no category: which run classifies, and what is done about its labels."""


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
class Classifier:
    """A classifier, and what is done about the labels it gives; labels without an action are let pass.

    Args:
        actions: label → "drop" or "flag". A classifier shows no place, so it cannot mask.
        threshold: the probability from which a label counts.
    """

    classify: Classify
    actions: Mapping[str, Action]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        for label, action in self.actions.items():
            if action not in ("drop", "flag"):
                raise ConfigError(
                    f"the classifier's label {label!r}: action {action!r}{suggest(str(action), ('drop', 'flag'))}",
                    fix="choose drop or flag: a classifier shows no words that could be masked",
                )

    def hit(self, example: Example, answer: tuple[str, float]) -> Hit | None:
        """What an answer about a row comes to."""
        label, probability = answer
        action = self.actions.get(label)
        if action is None or not probability >= self.threshold:  # NaN is no probability
            return None
        return Hit(example.origin, "policy", label, action, "text", 0, len(example.text), "", None, float(probability))


@dataclass(frozen=True, slots=True)
class AskedClassifier:
    """The table `[classifier]` of a word-list file."""

    file: Path  # that holds it
    run: Path  # a run directory
    actions: Mapping[str, Any]
    threshold: float


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
        classifier: asked about every text, many at a time.

    Raises:
        ConfigError: two categories have the same name or a token holds a phrase.
    """

    categories: tuple[Category, ...]
    classifier: Classifier | None = None
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

    def classified(self, examples: Sequence[Example]) -> list[Hit | None]:
        """What the classifier says of each row, by its text alone; None where nothing is to be done."""
        if self.classifier is None or not examples:
            return [None] * len(examples)
        answers = self.classifier.classify([example.text for example in examples])
        return [self.classifier.hit(example, said) for example, said in zip(examples, answers, strict=True)]

    def judge(self, example: Example, *, parts: Collection[str] = ("text",), classified: Hit | None = None) -> Verdict:
        """Look a row through; its words are masked where a category asks for it, and entity offsets follow.

        Args:
            parts: of `finetrie.data.cleaning.applying.PARTS`.
            classified: what `classified` says of this row.
        """
        hits = [hit for part, text in texts(example, parts) for hit in self.find(text, example.origin, part)]
        hits += [] if classified is None else [classified]
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

    A `.toml` file holds a table for each: `[gambling]`, `action = "mask"`, `phrases = ["...", "..."]`; its table
    `[classifier]` is none of them (`read_classifier`). Any other file is a list with a phrase a line, `#` before
    remarks; the category is named after the file and flags.

    Raises:
        DataError: the file cannot be read, or says something else.
    """
    path = Path(path)
    content = _content(path)
    if path.suffix.lower() == ".toml":
        return tuple(_categories_of_toml(path, content))
    lines = (line.strip() for line in content.split("\n"))
    phrases = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    return (Category(path.stem, phrases),)


def read_classifier(path: Path | str) -> AskedClassifier | None:
    """The table `[classifier]` of a word-list file, its run relative to the file; None where there is none.

    Raises:
        DataError: the file cannot be read, or the table says something else.
    """
    path = Path(path)
    table = _tables(path, _content(path)).get(CLASSIFIER) if path.suffix.lower() == ".toml" else None
    if table is None:
        return None
    values = dict(table) if isinstance(table, dict) else {"": table}
    run, actions, threshold = values.pop("run", None), values.pop("actions", None), values.pop("threshold", 0.5)
    fits = isinstance(threshold, (int, float)) and not isinstance(threshold, bool) and 0 <= threshold <= 1
    if values or not isinstance(run, str) or not isinstance(actions, dict) or not actions or not fits:
        raise DataError(
            path,
            None,
            f"[{CLASSIFIER}] must hold run (a run directory), actions (label = what is done), and threshold (0 to 1)",
            fix=f'write it like this: [{CLASSIFIER}], run = "runs/x", actions = {{spam = "drop"}}, threshold = 0.8',
        )
    return AskedClassifier(path, path.parent / Path(run).expanduser(), actions, float(threshold))


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, None, f"cannot be read: {error}", fix="name a UTF-8 file with a phrase a line") from None


def _tables(path: Path, content: str) -> dict[str, Any]:
    try:
        tables: dict[str, Any] = tomllib.loads(content)
        return tables
    except tomllib.TOMLDecodeError as error:
        raise DataError(path, None, f"not valid TOML: {error}", fix="correct the file") from None


def _categories_of_toml(path: Path, content: str) -> Iterable[Category]:
    for name, table in _tables(path, content).items():
        if name == CLASSIFIER:
            continue
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
