"""Unlabelled texts get a label, or the entities in them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from finetrie.data.synthesis.mentions import place
from finetrie.data.synthesis.prompts import DEFAULTS, NOTHING_FOUND, Language, Template
from finetrie.data.synthesis.recipe import Refused, shown, unquoted
from finetrie.errors import ConfigError
from finetrie.records import Example, Mention, Message

_FENCED = re.compile(r"```\w*\n(.*?)\n?```", flags=re.DOTALL)


@dataclass(frozen=True)
class Label:
    """One label a text: the answer must be one of the labels and nothing else, up to width, case, quotes and a stop.

    A row with its own `options` is asked with these. `about` may explain labels to the model.
    """

    labels: Sequence[str] = ()
    about: Mapping[str, str] = field(default_factory=dict)  # label -> what belongs under it
    language: Language = "zh"  # of the prompt
    template: Template | None = None  # None: the default in this language

    name: ClassVar[str] = "label"
    suffix: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Any]] = {"temperature": 0.0, "max_tokens": 256}

    def __post_init__(self) -> None:
        _settle(self)

    @property
    def prompt(self) -> Template:
        return self.template or DEFAULTS[self.name, self.language]

    def unsuitable(self, example: Example) -> Refused | None:
        if not (example.options or self.labels):
            return Refused("no_labels", "neither the row nor the recipe says which labels there are")
        return _taken(example)

    def messages(self, example: Example) -> list[Message]:
        return self.prompt.messages(text=example.text, labels=_listed(example.options or self.labels, self.about))

    def accept(self, example: Example, answer: str) -> Example | Refused:
        label = _one_of(example.options or self.labels, answer)
        if label is None:
            return Refused("out_of_label_set", f"{shown(answer.strip())} is not one of the labels")
        return replace(example, target=label)


@dataclass(frozen=True)
class Entities:
    """The entities of a text: every surface must stand in the text letter by letter, every type be one of the labels.

    The answer is one JSON object a line, or one array of objects, alone or in one fenced block. One wrong entity
    refuses the whole answer: a row that lacks an entity teaches that it is none.
    """

    labels: Sequence[str]
    about: Mapping[str, str] = field(default_factory=dict)  # type -> what belongs under it
    language: Language = "zh"  # of the prompt
    template: Template | None = None  # None: the default in this language

    name: ClassVar[str] = "entities"
    suffix: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Any]] = {"temperature": 0.0, "max_tokens": 2048}

    def __post_init__(self) -> None:
        if not self.labels:
            raise ConfigError("labels: entities need at least one type")
        _settle(self)

    @property
    def prompt(self) -> Template:
        return self.template or DEFAULTS[self.name, self.language]

    def unsuitable(self, example: Example) -> Refused | None:
        return _taken(example)

    def messages(self, example: Example) -> list[Message]:
        return self.prompt.messages(text=example.text, labels=_listed(self.labels, self.about))

    def accept(self, example: Example, answer: str) -> Example | Refused:
        fenced = _FENCED.fullmatch(answer.strip())
        said = fenced.group(1).strip() if fenced else answer.strip()
        if said.rstrip("。.") in NOTHING_FOUND.values():
            return replace(example, target=())
        objects = _objects(said)
        if objects is None:
            return Refused("not_json", f"neither JSON objects, one a line, nor an array: {shown(said)}")
        mentions = []
        for value in objects:
            mention = self._mention(value)
            if isinstance(mention, Refused):
                return mention
            mentions.append(mention)
        spans = place(example.text, mentions)
        return spans if isinstance(spans, Refused) else replace(example, target=spans)

    def _mention(self, value: Any) -> Mention | Refused:
        surface, said = (value.get("entity_text"), value.get("entity_label")) if isinstance(value, dict) else (0, 0)
        if not isinstance(surface, str) or not isinstance(said, str) or not surface:
            return Refused("wrong_shape", f"no object with entity_text and entity_label: {shown(str(value))}")
        label = _one_of(self.labels, said)
        if label is None:
            return Refused("out_of_label_set", f"{shown(said)} is not one of the types")
        return Mention(surface, label)


def _settle(recipe: Label | Entities) -> None:
    object.__setattr__(recipe, "labels", tuple(recipe.labels))
    recipe.prompt.check(("text", "labels"))
    for label in recipe.about:
        if recipe.labels and label not in recipe.labels:
            raise ConfigError(f"about: {label!r} is not one of the labels ({', '.join(recipe.labels)})")


def _taken(example: Example) -> Refused | None:
    if not example.text.strip():
        return Refused("empty_text", "the row has no text to label")
    if example.target is not None:
        return Refused("already_labelled", "the row has a label, which is never overwritten (read it without labels)")
    return None


def _listed(labels: Sequence[str], about: Mapping[str, str]) -> str:
    return "\n".join(f"{label} ({about[label]})" if about.get(label) else label for label in labels)


def _one_of(labels: Sequence[str], answer: str) -> str | None:
    """The label that was said: to the letter, or the only one that is equal after folding."""
    if answer.strip() in labels:
        return answer.strip()
    near = [label for label in labels if _folded(label) == _folded(answer)]
    return near[0] if len(near) == 1 else None


def _folded(words: str) -> str:
    said = unquoted(words.strip().rstrip("。.")).rstrip("。.")
    return unicodedata.normalize("NFKC", said).casefold().strip()


def _objects(said: str) -> list[Any] | None:
    """The JSON values on the lines of `said`, or in its one array; None where anything is not JSON."""
    try:  # lines end at LF only: an entity may hold U+2028, which str.splitlines would break
        values = [json.loads(line) for line in said.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        try:
            values = [json.loads(said)]
        except (ValueError, RecursionError):
            return None
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values
