"""The Alpaca form: an instruction, an optional input, the output wanted; earlier turns in `history`."""

from __future__ import annotations

from collections.abc import Sequence

from finetrie.data.columns import look_like_labels, names_in, values
from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON, TABLES, Asked, Columns, Draft, Row, Unrecognised, WrongKind, keeps_columns
from finetrie.data.formats.fields import answer_of, cell, label_of, text_of
from finetrie.data.jsons import kind_of
from finetrie.data.rows import BadRow
from finetrie.records import Message


class Alpaca:
    """Classification reads `input` as the text; a free instruction without input is itself the text."""

    about = '{"instruction", "input" (may be empty), "output"}, optionally "history": [[asked, answered], ...]'
    containers = JSON | TABLES
    rank = 20

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        names = names_in(rows)
        text = "input" if "input" in names else "instruction"
        keeps_columns(asked, "alpaca", text=text, target="output")
        if "instruction" not in names or "text" in names or (asked.labelled and "output" not in names):
            raise Unrecognised(
                "not in the alpaca format: columns 'instruction' and 'output' are needed",
                fix='set data.format = "auto"',
            )
        if asked.kind == "ner":
            raise WrongKind("alpaca rows hold no entity offsets", fix='set task.kind = "instruction"')
        return Columns(asked.kind or _kind(rows), text, "output" if asked.labelled else None)

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        history = _history(row)
        if columns.kind == "classification":
            label = label_of(row, "output") if labelled else None
            return Draft(text_of(row, "input"), label, instruction=_instruction(row), history=history)
        answer = answer_of(row, "output") if labelled else None
        if not row.get("input"):
            return Draft(text_of(row, "instruction"), answer, history=history)
        return Draft(text_of(row, "input"), answer, instruction=_instruction(row), history=history)

    def sample(self) -> Sequence[Row]:
        return (
            {"instruction": "翻译成英文", "input": "你好，世界", "output": "Hello, world"},
            {"instruction": "写一句关于春天的诗", "input": "", "output": "春风又绿江南岸"},
        )


def _kind(rows: Sequence[Row]) -> str:
    """Short outputs that come again, each about an input, are labels."""
    outputs = values(rows, "output")
    about_inputs = all(str(row.get("input") or "").strip() for row in rows)
    repeated = len({str(output) for output in outputs}) < len(outputs)
    return "classification" if about_inputs and repeated and look_like_labels(outputs) else "instruction"


def _instruction(row: Row) -> str | None:
    value = row.get("instruction")
    return text_of(row, "instruction") if value else None


def _history(row: Row) -> tuple[Message, ...]:
    turns = cell(row, "history") if "history" in row else None
    if not turns:
        return ()
    if not isinstance(turns, list) or not all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(said, str) for said in turn) for turn in turns
    ):
        raise BadRow(
            "wrong_type", f"'history' must be [[asked, answered], ...], got {kind_of(turns)}", fix="write [] for none"
        )
    messages: list[Message] = []
    for asked, answered in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return tuple(messages)


FORMATS.register("alpaca")(Alpaca())
