"""What a format is: which columns it uses, and what one row says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from finetrie.data.rows import Record
from finetrie.records import Example, Message

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
    also: tuple[str, ...] = ()  # other columns that are read


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
    reasoning: str | None = None


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
        """Of "jsonl", "json", "csv", "tsv", "xlsx", "parquet", "conll": the files it is looked for in."""

    @property
    def rank(self) -> int:
        """Formats are tried in this order: the particular before the general."""

    def columns(self, rows: Sequence[Row], asked: Asked) -> Columns:
        """The columns to read a file by, from its first rows; raises Unrecognised where rows are not in this form."""

    def draft(self, row: Row, columns: Columns, *, labelled: bool) -> Draft:
        """What one row says; raises BadRow where it cannot be used. `labelled=False` leaves the target out."""

    def sample(self) -> Sequence[Row]:
        """A few valid rows: documentation that a test reads."""


@runtime_checkable
class Regrouping(Protocol):
    """A format in which several rows of a file speak of one text."""

    def regroup(self, records: Iterator[Record]) -> Iterator[Record]:
        """One record a text, in order of first appearance; bad records pass through."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a data set hold, where a writer must know before the first row."""

    kind: str
    labels: tuple[str, ...] = ()  # the label set, sorted; () for instruction rows
    ids: bool = False  # every row has an id of its own
    options: bool = False  # some row has candidate labels of its own, and so on
    instructions: bool = False
    history: bool = False
    reasoning: bool = False


@runtime_checkable
class Writable(Format, Protocol):
    """A format that can be written, too.

    Law, checked for every built-in format: `draft(row, written(shape))` reads what `rows` wrote. What it does not
    give back is lost, and a conversion counts it.
    """

    @property
    def writes(self) -> tuple[str, ...]:
        """The containers it is written in, the usual one first."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of rows it can hold."""

    @property
    def asks(self) -> str | None:
        """Where rows are a question and its answer in words, so that labels need a question first: "apart" (the
        instruction has a column of its own), "turns" (it is the system's turn) or "together" (it stands before the
        text); None where labels stand as they are."""

    def written(self, shape: Shape) -> Columns:
        """The columns that `rows` writes, as `draft` reads them."""

    def header(self, shape: Shape) -> tuple[str, ...]:
        """All column names in order, for a table."""

    def rows(self, example: Example, shape: Shape) -> Iterator[Row]:
        """A labelled example as rows, usually one; raises BadRow where this form cannot hold it."""


JSON = frozenset({"jsonl", "json"})
TABLES = frozenset({"csv", "tsv", "xlsx", "parquet"})
NESTED = JSON | {"parquet"}
ALL_KINDS = frozenset({"classification", "ner", "instruction"})


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


def more_than_half(held: Sequence[bool]) -> bool:
    """Whether most rows fit a form: single bad rows do not change what a file is."""
    return sum(held) * 2 > len(held)
