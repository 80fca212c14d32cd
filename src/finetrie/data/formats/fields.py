"""Cells of a row, checked: each function returns a usable value or raises BadRow with the remedy."""

from __future__ import annotations

import json
import re
from typing import Any

from finetrie.data.formats.base import Marked, Row
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow
from finetrie.errors import suggest
from finetrie.records import Message

_COMMAS = re.compile(r"[,，]")
_OTHER_SEPARATORS = re.compile(r"[、;；|\n\t]")

START_NAMES = ("start", "start_idx", "start_offset", "begin", "start_pos", "from")
END_NAMES = ("end", "end_idx", "end_offset", "end_pos", "to")
TYPE_NAMES = ("label", "entity_label", "type", "entity_type", "entity", "tag", "labels", "category")
ROLES = ("system", "user", "assistant")
SURFACE_NAMES = ("entity_text", "text", "surface", "word", "mention", "value", "span")


def cell(row: Row, name: str) -> Any:
    if name not in row:
        raise BadRow(
            "missing_field",
            f"no column {name!r}{suggest(name, row)} (columns: {', '.join(map(str, row)) or 'none'})",
            fix=f"add {name!r} to the row",
        )
    return row[name]


def text_of(row: Row, name: str) -> str:
    """The text, as it stands: spaces at its ends belong to it, offsets count them."""
    value = cell(row, name)
    if not isinstance(value, str):
        raise BadRow("wrong_type", f"{name!r} must be text, got {kind_of(value)}", fix="put the text in quotes")
    if not value.strip():
        raise BadRow("empty_text", f"{name!r} is empty", fix="fill it in, or delete the row")
    return value


def label_of(row: Row, name: str) -> str:
    """A class name: white space at its ends is removed; whole numbers, true and false become their JSON text."""
    value = cell(row, name)
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        value = str(int(value))  # data frames write 3.0 for the label 3 when some rows have none
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow("empty_target", f"{name!r} is empty", fix="label the row, or delete it")
    if isinstance(value, (list, dict)):
        raise BadRow("wrong_type", f"{name!r} must be one label, got {kind_of(value)}", fix="give each row one label")
    if not isinstance(value, str):
        raise BadRow("wrong_type", f"{name!r} must be a label, got the number {value}", fix="write labels as text")
    return value.strip()


def answer_of(row: Row, name: str) -> str:
    """A free answer, as it stands."""
    value = cell(row, name)
    if isinstance(value, (int, float)):
        value = json.dumps(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow("empty_target", f"{name!r} is empty", fix="write the answer, or delete the row")
    if not isinstance(value, str):
        raise BadRow("wrong_type", f"{name!r} must be text, got {kind_of(value)}", fix="write the answer as text")
    return value


def options_of(row: Row, name: str) -> tuple[str, ...]:
    """The row's own candidate labels: a list, or text with commas (else 、 ; | tabs or line breaks) between them.

    A list may also stand as JSON text, as tables hold it.
    """
    value = from_json_text(cell(row, name), "[")
    if isinstance(value, str):
        value = (_COMMAS if _COMMAS.search(value) else _OTHER_SEPARATORS).split(value)
    if not isinstance(value, list) or not all(isinstance(option, (str, int)) for option in value):
        raise BadRow(
            "wrong_type", f"{name!r} must be a list of labels, got {kind_of(value)}", fix='write it as "A, B, C"'
        )
    options = tuple(dict.fromkeys(option for item in value if (option := str(item).strip())))
    if not options:
        raise BadRow("no_options", f"{name!r} names no candidate label", fix='write it as "A, B, C"')
    return options


def one_of_options(label: str, options: tuple[str, ...] | None, name: str) -> str:
    if options is not None and label not in options:
        raise BadRow(
            "unknown_option",
            f"the label {label!r} is not among the row's candidates{suggest(label, options)} ({', '.join(options)})",
            fix=f"correct the label, or add it to {name!r}",
        )
    return label


def entities_of(row: Row, name: str) -> tuple[Marked, ...]:
    """The row's entities: `[{"start", "end", "label"}, …]`, `[[start, end, label], …]`, or such a list as JSON text."""
    value = from_json_text(cell(row, name), "[{")
    if isinstance(value, dict):
        return grouped_entities(value, name, inclusive=False)
    if not isinstance(value, list):
        raise BadRow(
            "wrong_type", f"{name!r} must be a list of entities, got {kind_of(value)}", fix="write [] for no entities"
        )
    return tuple(_entity(item) for item in value)


def grouped_entities(value: Any, name: str, *, inclusive: bool) -> tuple[Marked, ...]:
    """Entities as `{label: {surface: [[start, end], …]}}`; `inclusive` ends are moved behind the last character."""
    found: list[Marked] = []
    try:
        for label, surfaces in value.items():
            for surface, places in surfaces.items():
                for start, end in places:
                    found.append(marked(start, end, label, surface, after=int(inclusive)))
    except (AttributeError, TypeError, ValueError):
        raise BadRow(
            "wrong_type",
            f"{name!r} must be {{label: {{words: [[start, end], ...]}}}}",
            fix="write {} for no entities",
        ) from None
    return tuple(found)


def history_of(row: Row, name: str) -> tuple[Message, ...]:
    """Earlier turns: `[[asked, answered], …]` or `[{"role", "content"}, …]`, also as JSON text; () for none."""
    turns = from_json_text(row.get(name), "[")
    if not turns:
        return ()
    messages: list[Message] = []
    for turn in turns if isinstance(turns, list) else [None]:
        if isinstance(turn, list) and len(turn) == 2 and all(isinstance(said, str) for said in turn):
            messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
        elif isinstance(turn, dict) and isinstance(turn.get("content"), str) and turn.get("role") in ROLES:
            messages.append({"role": turn["role"], "content": turn["content"]})
        else:
            raise BadRow(
                "wrong_type",
                f"{name!r} must be [[asked, answered], ...], got {kind_of(turns)}",
                fix="write [] for none",
            )
    return tuple(messages)


def own_text(row: Row, name: str) -> str | None:
    """A text that not every row has, such as an instruction of its own; None where it is absent or blank."""
    value = row.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return text_of(row, name)


def from_json_text(value: Any, begins: str) -> Any:
    """What a cell of a table says in JSON, where it begins like a list or an object; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in tuple(begins):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _entity(item: Any) -> Marked:
    if isinstance(item, dict):
        start, end, label, surface = (
            next((item[name] for name in names if name in item), None)
            for names in (START_NAMES, END_NAMES, TYPE_NAMES, SURFACE_NAMES)
        )
        return marked(start, end, label, surface)
    if isinstance(item, list) and len(item) in (3, 4):
        return marked(*item)
    raise BadRow(
        "wrong_type",
        f"an entity must be {{start, end, label}} or [start, end, label], got {json.dumps(item)[:80]}",
        fix="rewrite the entity",
    )


def marked(start: Any, end: Any, label: Any, surface: Any = None, *, after: int = 0) -> Marked:
    """An entity whose parts have been checked; `after` is added to its end."""
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    if not isinstance(label, str) or not label.strip():
        raise BadRow("wrong_type", f"an entity has no label (found {label!r})", fix="give each entity a label")
    if any(isinstance(offset, bool) or not isinstance(offset, int) for offset in (start, end)):
        raise BadRow(
            "bad_offsets",
            f"offsets must be whole numbers, got {start!r} and {end!r}",
            fix="write start and end as numbers",
        )
    return Marked(start, end + after, label.strip(), surface if isinstance(surface, str) and surface else None)
