"""Named entities as generated text: one JSON object a line, every mention, in text order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from finetrie.records import Example, Mention, Span, Unparsed
from finetrie.tasks.base import TASKS, Ranges, Reason, labelled
from finetrie.tasks.labelled import Labelled
from finetrie.tasks.wordings import NOTHING_FOUND

CHINESE_NAMES = {"PER": "人名", "ORG": "组织", "LOC": "地点", "GPE": "地理实体"}
"""What a Chinese question calls the usual types, unless `names` says otherwise."""


@TASKS.register("ner")
@dataclass(frozen=True)
class Ner(Labelled):
    """Entity recognition: the answer lists every mention in reading order, so that offsets can be found again.

    A mention with a label outside the set is kept as the model said it, to be counted. Nothing is repaired:
    an answer with one broken line is `Unparsed`. `finetrie.tasks.locate` gives mentions their offsets.
    """

    name: ClassVar[str] = "ner"
    noun: ClassVar[str] = "entity type"
    closed: ClassVar[bool] = False
    called: ClassVar[Mapping[str, Mapping[str, str]]] = {"zh": CHINESE_NAMES}

    def target(self, example: Example) -> tuple[Mention, ...]:
        """Every mention in text order; where two begin together, the longer first."""
        return self.clip(example, [(0, len(example.text))])

    def clip(self, example: Example, kept: Ranges) -> tuple[Mention, ...]:
        """The mentions that lie wholly inside one of the kept ranges."""
        spans: Iterable[Span] = labelled(example)
        return tuple(
            Mention(example.text[span.start : span.end], span.label)
            for span in sorted(spans, key=lambda span: (span.start, -span.end, span.label))
            if any(start <= span.start and span.end <= end for start, end in kept)
        )

    def answer(self, target: Iterable[Mention]) -> str:
        lines = [
            json.dumps(
                {"entity_text": mention.surface, "entity_label": self._names.words(mention.label)}, ensure_ascii=False
            )
            for mention in target
        ]
        return "\n".join(lines) or NOTHING_FOUND[self.language]

    def parse(self, completion: str) -> tuple[Mention, ...] | Unparsed:
        """The mentions in the order given, or `Unparsed`: `empty`, `not_json` or `wrong_shape`.

        Reads one object a line, or one JSON value (an object or an array of objects) over several lines.
        """
        said = completion.strip()
        if not said:
            return _unparsed(completion, "empty")
        if said in NOTHING_FOUND.values():
            return ()
        objects = _json_objects(said)
        if objects is None:
            return _unparsed(completion, "not_json")
        mentions: list[Mention] = []
        for value in objects:
            if not isinstance(value, dict):
                return _unparsed(completion, "wrong_shape")
            surface, words = value.get("entity_text"), value.get("entity_label")
            if not isinstance(surface, str) or not isinstance(words, str):
                return _unparsed(completion, "wrong_shape")
            mentions.append(Mention(surface, self._names.label(words) or words))
        return tuple(mentions)


def _unparsed(completion: str, reason: Reason) -> Unparsed:
    return Unparsed(completion, reason)


def _json_objects(said: str) -> list[Any] | None:
    """The values on the lines of `said`, or in its one array; None where anything is not JSON."""
    try:  # lines end at LF only: an entity may hold U+2028, which str.splitlines would break
        values = [json.loads(line) for line in said.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        try:
            values = [json.loads(said)]
        except (ValueError, RecursionError):
            return None
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values
