"""What a format is: which columns it uses, and what one row says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from finetrie.records import Message

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said about a file; None leaves it to the format."""

    kind: str | None = None  # "classification", "ner" or "instruction"
    text: str | None = None
    target: str | None = None
    options: str | None = None
    labelled: bool = True  # False: only texts are needed, the target may be absent


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a file is read by, and what its rows are."""

    kind: str
    text: str
    target: str | None
    options: str | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """An entity as a file marks it: offsets in the file's own unit, and the words where the file repeats them."""

    start: int
    end: int
    label: str
    surface: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What one row says, before offsets are verified and ids are given."""

    text: str
    target: str | tuple[Marked, ...] | None
    options: tuple[str, ...] | None = None
    instruction: str | None = None
    history: tuple[Message, ...] = ()


class Unrecognised(Exception):
    """Rows are not in a format, or a column cannot be found; `fix` says what to do."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem)
        self.problem, self.fix = problem, fix


class WrongKind(Unrecognised):
    """Rows are in a format, but another kind of task was asked for. No other format is tried."""


class Format(Protocol):
    """One way to write labelled texts. Register an instance in `FORMATS`.

    Laws, checked for every built-in format: `columns` accepts the rows of `sample()`, and `draft` reads each of
    them; `draft` raises nothing but `BadRow`.
    """

    @property
    def about(self) -> str:
        """One line, for the list of formats."""

    @property
    def containers(self) -> frozenset[str]:
        """Of "jsonl", "json", "csv", "tsv": the files it is looked for in."""

    @property
    def rank(self) -> int:
        """Formats are tried in this order: the particular before the general."""

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        """The columns to read a file by, from its first rows; raises Unrecognised where rows are not in this form."""

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        """What one row says; raises BadRow where it cannot be used. `labelled=False` leaves the target out."""

    def sample(self) -> Sequence[Row]:
        """A few valid rows: documentation that a test reads."""


JSON = frozenset({"jsonl", "json"})
TABLES = frozenset({"csv", "tsv"})


def only_kind(asked: Asked, kind: str, name: str) -> None:
    """Refuse a task these rows do not hold."""
    if asked.kind not in (None, kind):
        raise WrongKind(f"{name} rows are {kind} data, not {asked.kind}", fix=f'set task.kind = "{kind}"')


def keeps_columns(asked: Asked, name: str, *, text: str, target: str) -> None:
    """Leave a file to the general formats when the user names other columns than this form has."""
    if asked.text not in (None, text) or (asked.labelled and asked.target not in (None, target)):
        raise Unrecognised(
            f"the {name} format reads the columns {text!r} and {target!r}",
            fix='leave data.text and data.target out, or set data.format = "auto"',
        )
