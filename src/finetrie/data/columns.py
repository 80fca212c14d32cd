"""Which column is the text and which the label, when nobody says so: by the usual names, then by what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]

TEXT_NAMES = (
    *("text", "sentence", "content", "review", "comment", "headline", "query", "question", "document", "body"),
    *("abstract", "title", "input", "文本", "正文", "内容", "句子", "评论", "摘要", "问题", "标题"),
)
LABEL_NAMES = (
    *("label_desc", "label_name", "label_text", "label", "labels", "category", "target", "class", "intent"),
    *("sentiment", "topic", "output", "answer", "response"),
    *("类别", "标签", "分类", "类型", "情感", "意图", "主题", "答案", "输出"),
)
ENTITY_NAMES = ("entities", "entity", "spans", "ner", "annotations", "实体", "label", "labels", "output")
_DESCRIPTIONS = ("desc", "name", "text", "zh", "cn", "en")
KNOWN_NAMES = frozenset({*TEXT_NAMES, *LABEL_NAMES, *ENTITY_NAMES, "id"})

LONGEST_LABEL = 40
"""Characters; a label is a few words on one line."""


def names_in(rows: Sequence[Row]) -> list[str]:
    """All column names, in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def values(rows: Sequence[Row], name: str) -> list[Any]:
    """What stands in one column, where it stands."""
    return [row[name] for row in rows if row.get(name) is not None]


def find(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The first of `wanted` that is a column, whatever its case."""
    by_name = {name.casefold(): name for name in reversed(names)}
    return next((by_name[name] for name in wanted if name in by_name), None)


def guess_text(rows: Sequence[Row], *, taken: Collection[str] = ()) -> str | None:
    """The column with the text: by name, else the only other column that holds text."""
    texts = [name for name in names_in(rows) if name not in taken and mostly(values(rows, name), str)]
    if named := find(texts, TEXT_NAMES):
        return named
    others = [name for name in texts if name.casefold() not in (*LABEL_NAMES, "id")]
    return others[0] if len(others) == 1 else None


def guess_target(rows: Sequence[Row], *, kind: str | None, text: str | None) -> str | None:
    """The column with the label or the entities, by name.

    A column that describes a numeric label in words is preferred to the number: `label_desc` to `label`.
    """
    names = [name for name in names_in(rows) if name != text]
    entities = [name for name in names if holds_entities(rows, name)]
    labels = [name for name in names if name not in entities]
    if kind == "ner":
        return find(entities, ENTITY_NAMES) or find(names, ENTITY_NAMES[:6])
    found = find(labels, LABEL_NAMES)
    if found is None:
        return find(entities, ENTITY_NAMES)
    if mostly(values(rows, found), (int, float)):
        described = [f"{found}_{ending}".casefold() for ending in _DESCRIPTIONS]
        return find(labels, described) or found
    return found


def holds_entities(rows: Sequence[Row], name: str) -> bool:
    """Whether most of what a column holds is objects, or lists of objects or lists; lists of words are labels."""
    held = values(rows, name)
    nested = [v for v in held if isinstance(v, dict) or (isinstance(v, list) and mostly([*v, []], (list, dict)))]
    return len(nested) * 2 > len(held)


def mostly(held: Sequence[Any], types: type | tuple[type, ...]) -> bool:
    """Whether more than half of the values are of a type: single bad rows do not change what a column is."""
    return sum(isinstance(value, types) for value in held) * 2 > len(held)


def look_like_labels(held: Sequence[Any]) -> bool:
    """Whether values are a few short names that come again, rather than free answers."""
    texts = [str(value) for value in held]
    if not texts or any(len(text) > LONGEST_LABEL or "\n" in text for text in texts):
        return False
    return len(texts) < 20 or len(set(texts)) <= len(texts) / 2
