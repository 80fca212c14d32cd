"""Mix: rows of several files become one file: cleaned, by weights or caps, and each with the source it came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Row, Shape
from finetrie.data.language import language
from finetrie.data.mixing import Mixed, Taken
from finetrie.data.mixing import Source as Pool
from finetrie.data.mixing import mix as draw
from finetrie.data.preparation import review_rows
from finetrie.data.reading import Dataset, read
from finetrie.data.rows import BadRow
from finetrie.errors import ConfigError, DataError, OutputError
from finetrie.files import plain, write_jsonl
from finetrie.records import Example, Rejection
from finetrie.steps.cleaning import name_of, plan_of, prepared_rows
from finetrie.steps.mix_file import MixFile, MixSource, load_mix
from finetrie.steps.output import Output, Place, asking, beside, question, shape_of
from finetrie.steps.progress import Progress, Quiet

LISTS = ("rejected", "provenance", "changes", "flagged", "review")


@dataclass(frozen=True)
class FromSource:
    """What became of the rows of one file."""

    name: str
    read: int  # rows that could be read
    bad: int  # rows that could not
    dropped: int  # by `[prepare]`: filters, copies, ...
    duplicates: int  # rows that ask what a row of an earlier source asks
    left_out: int  # by caps, weights, or the number of rows wanted
    unwritable: int
    taken: int


@dataclass(frozen=True)
class MixedFile:
    """What `mix` wrote."""

    path: Path
    format: str
    rows: int
    sources: tuple[FromSource, ...]  # in the order given
    lists: Mapping[str, Path]  # the lists beside the file that have lines, by name
    notices: tuple[str, ...]


def mix(
    sources: Path | str | Sequence[Path | str | Mapping[str, Any]],
    out: Path | str | None = None,
    *,
    rows: int | None = None,
    seed: int | None = None,
    cap: int | None = None,
    to: str | None = None,
    prepare: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> MixedFile:
    """Draw rows from several files into one.

    >>> mix(["ours.jsonl:2", {"path": "open.json", "cap": 5000}], "train.json", to="alpaca",
    ...     prepare={"clean": ["html"], "copies": "near"})                                     # doctest: +SKIP

    Rows are prepared first, as `[prepare]` of a run file does it, then put as questions where the form needs that, and
    drawn as `finetrie.data.mixing.mix` says: a row that asks what a row of an earlier source asks is left out, weights
    are kept until a source is used up, and the same files and seed give the same mix. Beside `out` stand, in its name:
    `.rejected.jsonl` (rows left out, with rule, reason and partner), `.provenance.jsonl` (the source of each row), and
    what `[prepare]` did: `.changes.jsonl`, `.flagged.jsonl`, and `.review.jsonl`, which can be filled in and
    named in `prepare.decisions`.

    Args:
        sources: a mix file (.toml); or files, each a path, "path:weight", or a table `[[sources]]` of a mix file.
        out: the file to write, in any form that can be written; None: as the mix file says.
        rows, seed, cap: of the table `[mix]`; to: `output.format`; prepare: the table `[prepare]`.
        overrides: `section.key=value`, as on the command line.

    Raises:
        ConfigError: settings that are missing, unknown or contradict each other; weights for some sources only.
        DataError: a file cannot be read, or rows of different kinds in a form that cannot hold them together.
        OutputError: the file cannot be written, or is one of the sources.
    """
    progress = progress or Quiet()
    settings: dict[str, Mapping[str, Any]] = {
        "mix": {"rows": rows, "seed": seed, "cap": cap},
        "output": {"path": None if out is None else str(out), "format": to},
        "prepare": prepare or {},
    }
    given = Path(sources) if isinstance(sources, (str, Path)) else sources
    asked = load_mix(given, settings, overrides)
    place = Place.chosen(Path(asked.output.path), asked.output.format)
    with progress.bar("reading", len(asked.sources)) as bar:
        parts = []
        for source, file in zip(asked.sources, _files(asked.sources), strict=True):
            _refuse_same(place.path, Path(source.path))
            dataset = _read(source, asked)
            parts.append(_Part(source.name or file, file, source, dataset, _kind(source, dataset, place)))
            bar.advance()
    lists: dict[str, list[Any]] = {name: [] for name in LISTS}
    lists["rejected"] += [rejection for part in parts for rejection in part.renamed_bad()]
    notices = [notice for part in parts for notice in part.dataset.notices]
    if asked.prepare is not None:
        notices += _prepare(parts, asked, lists)
    shape = _ask(parts, place)
    pools = [Pool(p.name, p.examples, p.source.weight, p.source.cap or asked.mix.cap) for p in parts]
    mixed = draw(pools, rows=asked.mix.rows, seed=asked.mix.seed, stratify=asked.mix.stratify)
    if not mixed.examples:
        raise DataError(place.path, None, "no row is left to write", fix="loosen filters, caps or weights")
    lists["rejected"] += mixed.rejected
    unwritable: Counter[str] = Counter()
    output = Output(place, shape)
    count = output.write(_rows(mixed, output, lists, unwritable))
    written = {name: beside(place.path, name) for name in LISTS if _save(beside(place.path, name), lists[name])}
    notices += [*mixed.notices, *_said(mixed, output, written)]
    for notice in notices:
        progress.notice(notice)
    return MixedFile(
        path=place.path,
        format=place.name,
        rows=count,
        sources=tuple(part.fate(mixed.taken[part.name], unwritable[part.name]) for part in parts),
        lists=written,
        notices=tuple(notices),
    )


@dataclass
class _Part:
    """One source on its way into the mix."""

    name: str
    file: str  # what its origins begin with
    source: MixSource
    dataset: Dataset
    kind: str  # of its rows in this mix
    examples: list[Example] = field(init=False)
    dropped: int = 0

    def __post_init__(self) -> None:
        self.examples = []
        for example in self.dataset:
            origin = self._place(example.origin)
            id = origin if example.id == example.origin else example.id
            self.examples.append(replace(example, id=id, origin=origin))

    def renamed_bad(self) -> list[Rejection]:
        return [replace(rejection, origin=self._place(rejection.origin)) for rejection in self.dataset.rejected]

    def _place(self, origin: str) -> str:
        """A place that no other source has, also where several files are called the same."""
        _, _, line = origin.rpartition(":")
        return f"{self.file}:{line}"

    def fate(self, taken: Taken, unwritable: int) -> FromSource:
        return FromSource(
            name=self.name,
            read=len(self.dataset),
            bad=len(self.dataset.rejected),
            dropped=self.dropped,
            duplicates=taken.duplicates,
            left_out=taken.left_out,
            unwritable=unwritable,
            taken=taken.taken - unwritable,
        )


def _files(sources: Sequence[MixSource]) -> list[str]:
    """What to call each file: its name, its path where files have the same name, a number where it comes again."""
    names = Counter(Path(source.path).name for source in sources)
    seen: Counter[str] = Counter()
    called = []
    for source in sources:
        file = Path(source.path).name if names[Path(source.path).name] == 1 else source.path
        seen[file] += 1
        called.append(file if seen[file] == 1 else f"{file}#{seen[file]}")
    return called


def _refuse_same(path: Path, source: Path) -> None:
    if path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"{path}: is one of the sources", fix="name another file to write")


def _read(source: MixSource, asked: MixFile) -> Dataset:
    settings = source.model_dump(include={"format", "encoding", "kind", "text", "target", "options", "on_bad_row"})
    filters = asked.prepare.filters if asked.prepare is not None else []
    return read(
        source.path,
        keep_columns=any(name_of(one) == "columns" for one in filters),
        leave_out='leave them out: on_bad_row = "reject" under its [[sources]] in a mix file; they are then listed',
        **settings,
    )


def _kind(source: MixSource, dataset: Dataset, place: Place) -> str:
    """What the rows are here: those that are questions and answers already stay as they are in a form of questions."""
    asked_before = getattr(FORMATS.get(dataset.format), "asks", None) is not None
    return "instruction" if asked_before and place.form.asks is not None and source.kind is None else dataset.kind


def _prepare(parts: Sequence[_Part], asked: MixFile, lists: dict[str, list[Any]]) -> list[str]:
    """Prepare the rows, those of the same kind together, so that copies are found across files; returns notices."""
    assert asked.prepare is not None
    plan = plan_of(asked.prepare, count=_counter(asked.mix.model))
    notices: list[str] = []
    for kind in dict.fromkeys(part.kind for part in parts):
        alike = [part for part in parts if part.kind == kind]
        owner = {example.origin: part for part in alike for example in part.examples}
        rows = [example for part in alike for example in part.examples]
        done = prepared_rows(rows, plan, kind=kind, decisions=asked.prepare.decisions)
        for part in alike:
            before = len(part.examples)
            part.examples = [example for example in done.examples if owner[example.origin] is part]
            part.dropped = before - len(part.examples)
        lists["rejected"] += done.rejected
        lists["changes"] += done.changes
        lists["flagged"] += done.flags
        lists["review"] += review_rows(done.conflicts)
        notices += done.notices
    return notices


def _counter(model: str | None) -> Callable[[str], int]:
    @cache
    def tokenizer() -> Any:
        if model is None:
            raise ConfigError("mix.model: is required to filter by tokens", fix="name the model whose tokens count")
        from finetrie.models.loading import load_tokenizer  # only where tokens are counted

        return load_tokenizer(model)

    return lambda text: len(tokenizer().encode(text, add_special_tokens=False))


def _ask(parts: Sequence[_Part], place: Place) -> Shape:
    """Put labels as questions where the form needs that; returns what the rows hold then."""
    kinds = {part.kind for part in parts}
    if place.form.asks is None and len(kinds) > 1:
        held = ", ".join(f"{part.name}: {part.kind}" for part in parts)
        raise DataError(
            place.path,
            None,
            f"the sources hold rows of different kinds ({held}), which {place.name} cannot hold together",
            fix="write them as questions and answers: --to alpaca, messages, sharegpt or human_assistant",
        )
    for part in parts:
        if not part.examples:
            continue
        task = asking(
            place,
            shape_of(part.examples, kind=part.kind),
            source=part.source.path,
            language=language(example.text for example in part.examples),
            rows=len(part.examples),
            instruction=part.source.instruction,
        )
        if task is not None:
            part.examples = [question(example, task, place.form.asks) for example in part.examples]
    kind = "instruction" if place.form.asks is not None else next(iter(kinds))
    return shape_of([example for part in parts for example in part.examples], kind=kind)


def _rows(mixed: Mixed, output: Output, lists: dict[str, list[Any]], unwritable: Counter[str]) -> Iterator[Row]:
    for example, source in zip(mixed.examples, mixed.sources, strict=True):
        try:
            rows = output.rows(example)
        except BadRow as bad:
            unwritable[source] += 1
            row = plain(replace(example, columns={}))
            lists["rejected"].append(Rejection(example.origin, bad.rule, str(bad), row=row, text=example.text))
            continue
        lists["provenance"].append({"id": example.id, "source": source, "origin": example.origin})
        yield from rows


def _save(path: Path, rows: Sequence[Any]) -> bool:
    """Write a list that has lines; one that an earlier mix left does not stay."""
    if rows:
        write_jsonl(path, rows)
    else:
        path.unlink(missing_ok=True)
    return bool(rows)


def _said(mixed: Mixed, output: Output, lists: Mapping[str, Path]) -> list[str]:
    """What a person should know about the rows that are not there, or are there in another way."""
    said = output.losses_said("the mix", len(mixed.examples))
    if conflicts := sum(rejection.rule == "mix_conflict" for rejection in mixed.rejected):
        said.append(
            f"{conflicts} rows contradict a row of an earlier source, which is kept; decide which are right: "
            f"{lists['rejected']} (mix_conflict)"
        )
    if "review" in lists:
        said.append(
            f"rows that ask the same have different labels; all are kept: fill in {lists['review']} and name it in "
            "prepare.decisions"
        )
    if "rejected" in lists:
        said.append(f"rows left out stand with their reasons in {lists['rejected']}")
    return said
