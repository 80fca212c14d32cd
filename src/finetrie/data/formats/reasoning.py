"""The chain of thought of a row: in a column of its own, or between <think> and </think> before the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from finetrie.data.columns import mostly, names_in, values
from finetrie.data.formats.base import Row
from finetrie.data.formats.fields import own_text
from finetrie.records import Example

COLUMN = "reasoning"
"""What it is written as."""

NAMES = (COLUMN, "reasoning_content", "chain_of_thought", "cot", "thought", "thinking", "rationale")
"""What it is called in the files people have. The first that is filled in counts."""

_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*(\S.*)", re.DOTALL)


def reasoning_columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns of `NAMES` that hold words in most rows that fill them."""
    return tuple(name for name in names_in(rows) if name in NAMES and mostly(values(rows, name), str))


def reasoning_of(row: Row, names: Sequence[str] = NAMES) -> str | None:
    """The first reasoning that is filled in; raises BadRow where it is no text."""
    return next((told for name in names if (told := own_text(row, name)) is not None), None)


def apart(answer: str, told: str | None = None) -> tuple[str, str | None]:
    """(answer, reasoning) of an answer that may begin with its reasoning.

    The answer stays as it is where the reasoning is `told` elsewhere, and where nothing would be left of it.
    """
    found = None if told is not None else _THOUGHT.fullmatch(answer)
    return (found[2], found[1].strip() or None) if found else (answer, told)


def in_answer(example: Example) -> Example:
    """The example whose answer begins with its reasoning, as models that think aloud write it."""
    if example.reasoning is None or not isinstance(example.target, str):
        return example
    return replace(example, target=f"<think>\n{example.reasoning}\n</think>\n\n{example.target}", reasoning=None)
