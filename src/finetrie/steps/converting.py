"""Convert: a labelled file in one form becomes a file in another, row by row; what is lost is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetrie.data.dataset_info import only_dataset
from finetrie.data.formats.base import Row, Shape, Writable
from finetrie.data.formats.conll import Conll
from finetrie.data.reading import LISTED_ROWS, bad_rows_error, nothing_usable, rejection_of
from finetrie.data.rows import BadRow, Record
from finetrie.data.streaming import Stream, Survey
from finetrie.data.tokens import SCHEMES
from finetrie.data.writing import Losses, choose_form, refuse_unwritable, write_rows
from finetrie.errors import ConfigError, DataError, OutputError
from finetrie.files import write_jsonl
from finetrie.records import Example, Message, Rejection
from finetrie.steps.progress import Bar, Progress, Quiet
from finetrie.tasks import Task, task_from

LISTED_LABELS = 100
"""Labels a question lists for rows without candidates of their own; a longer list would drown the text."""

ADVANCE = 1000
"""Rows between two movements of the progress bar."""

_LEAVE_OUT = 'leave them out: --on-bad-row reject (on_bad_row="reject"); they are then listed beside the file'

_LOST = {  # what became of a part of a row in a form that answers in words, and in the others
    "text": ("the question stands around the text now", "white space between the words is not kept exactly"),
    "target": (
        "the entities are words in the answer now, without their offsets",
        "nested or overlapping entities are left out; the outermost are kept",
    ),
    "options": ("the row's candidates are part of the question now", "the row's own candidates are left out"),
    "instruction": ("the row's instruction is part of the question now", "the row's own instruction is left out"),
    "history": ("the earlier turns are left out", "the earlier turns are left out"),
}


@dataclass(frozen=True)
class Converted:
    """What a conversion wrote, and what it could not keep."""

    path: Path
    format: str
    container: str  # "jsonl", "json", "csv", "tsv", "xlsx", "parquet" or "conll"
    source_format: str
    kind: str  # of the rows that were read: "classification", "ner" or "instruction"
    examples: int  # rows converted
    rejected: int
    rejected_path: Path | None  # where the rows stand that were left out
    lost: dict[str, int]  # part of a row ("text", "target", "options", "instruction", "history") → rows that lose it
    notices: tuple[str, ...]


def convert(
    src: Path | str,
    dst: Path | str,
    *,
    to: str | None = None,
    format: str = "auto",
    encoding: str = "auto",
    kind: str | None = None,
    text: str | None = None,
    target: str | None = None,
    options: str | None = None,
    dataset: str | None = None,
    on_bad_row: str = "stop",
    scheme: str = "BIO",
    instruction: str | None = None,
    language: str = "auto",
    wording: str = "default",
    progress: Progress | None = None,
) -> Converted:
    """Read a labelled file and write it in another form.

    The file is read twice and never held as a whole (UIE rows excepted, which have to be brought together). `dst`
    appears, or is replaced, only when it is whole. Each row is read back as it was written; the parts that come back
    differently are counted in `lost` and named in a notice.

    Args:
        to: a format that can be written, or None: by the ending of `dst`.
        format, encoding, kind, text, target, options: how to read `src`, as for `finetrie.data.reading.read`.
        dataset: the entry of LLaMA-Factory's dataset_info.json, where `src` is that file or its folder and it has
            several.
        on_bad_row: "stop" raises one error with up to 20 rows that cannot be read or written, and writes nothing;
            "reject" leaves them out and lists them in DST's name with `.rejected.jsonl`.
        scheme: of CoNLL tags: BIO, BMES or BIOES.
        instruction: what labelled texts ask, in forms of questions and answers, for rows without an instruction of
            their own; None: the usual sentence of the task, in `language`.
        language: of that sentence; "auto": the texts'.
        wording: how the question is put (`finetrie info wordings`).

    Raises:
        DataError: `src` cannot be read, rows are bad (under "stop"), or this kind of rows cannot be written so.
        OutputError: `dst` is `src`, is not writable, or its name does not fit the format.
        UnknownName: no such format, or none that can be written.
        ConfigError: no such scheme, language or way with bad rows.
    """
    progress = progress or Quiet()
    source, path = Path(src), Path(dst)
    name, form, container = choose_form(path, to)
    if isinstance(form, Conll):
        form = replace(form, scheme=_one_of("scheme", scheme.upper(), SCHEMES))
    _one_of("on_bad_row", on_bad_row, ("stop", "reject"))
    _one_of("language", language, ("auto", "zh", "en"))
    if path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"{path}: is the file to read", fix="name another file to write")
    stream = Stream(source, format, encoding, kind, text, target, options, dataset or only_dataset(source))
    survey = stream.survey()
    if survey.shape.kind not in form.kinds:
        raise _cannot_hold(survey, name, form)
    shape = survey.shape
    task = _task(survey, form, instruction=instruction, language=language, wording=wording)
    conversion = _Conversion(survey, form, shape, container, task, on_bad_row)
    with progress.bar("converting", survey.rows) as bar:
        rows = conversion.rows(stream.examples(survey), bar)
        write_rows(path, rows, container=container, header=form.header(shape))
    rejected_path = conversion.save_rejected(path)
    notices = (*survey.notices, *conversion.notices(name))
    for notice in notices:
        progress.notice(notice)
    return Converted(
        path=path,
        format=name,
        container=container,
        source_format=survey.format,
        kind=shape.kind,
        examples=conversion.examples,
        rejected=conversion.rules.total(),
        rejected_path=rejected_path,
        lost=dict(conversion.losses.counts),
        notices=notices,
    )


class _Conversion:
    """One pass over the examples: their rows, the bad rows, the losses."""

    def __init__(
        self, survey: Survey, form: Writable, shape: Shape, container: str, task: Task[Any] | None, on_bad_row: str
    ) -> None:
        self.survey, self.form, self.shape, self.container, self.task = survey, form, shape, container, task
        self.keep_bad = on_bad_row == "reject"
        self.examples = 0
        self.losses = Losses(form, shape)
        self.bad: list[tuple[Record, BadRow]] = []
        self.rules: Counter[str] = Counter()

    def rows(self, examples: Iterable[tuple[Record, Example | BadRow]], bar: Bar) -> Iterator[Row]:
        """The rows to write. Raises DataError at the end, before the file takes its place, where it must not."""
        for record, example in examples:
            try:
                if isinstance(example, BadRow):
                    raise example
                written = self._written(example)
            except BadRow as bad:
                self.rules[bad.rule] += 1
                if self.keep_bad or len(self.bad) < LISTED_ROWS:
                    self.bad.append((record, bad))
                continue
            self.examples += 1
            if self.examples % ADVANCE == 0:
                bar.advance(ADVANCE)
            yield from written
        bar.advance(self.examples % ADVANCE)
        if self.bad and not self.keep_bad:
            usable = self.examples
            raise bad_rows_error(self.survey.path, self.bad, self.rules, usable=usable, leave_out=_LEAVE_OUT)
        if not self.examples:
            raise nothing_usable(self.survey.path, self.bad[0], self.rules)

    def _written(self, example: Example) -> list[Row]:
        asked = example if self.task is None else _question(example, self.task, self.form.asks)
        rows = list(self.form.rows(asked, self.shape))
        for row in rows:
            refuse_unwritable(row, self.container)
        self.losses.add(example, rows)
        return rows

    def save_rejected(self, path: Path) -> Path | None:
        """List the rows left out beside the file; a list from an earlier conversion does not stay."""
        beside = path.with_name(f"{path.stem}.rejected.jsonl")
        if not self.bad:
            if self.keep_bad:
                beside.unlink(missing_ok=True)
            return None
        write_jsonl(beside, self._rejections())
        return beside

    def _rejections(self) -> Iterator[Rejection]:
        for record, bad in self.bad:
            yield rejection_of(record, bad, f"{self.survey.path.name}:{record.line}")

    def notices(self, name: str) -> list[str]:
        """What the conversion changed or left out, with counts."""
        file = self.survey.path.name
        said = [
            f"{file} → {name}: {count} of {self.examples} rows: {_LOST[part][0 if self.form.asks else 1]} "
            f"(the first: {self.losses.first[part]})"
            for part, count in self.losses.counts.items()
        ]
        if self.survey.unread:
            said.append(f"{file} → {name}: columns left out: {', '.join(map(str, self.survey.unread))}")
        if self.bad:
            by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(self.rules.items()))
            said.append(f"{file}: {self.rules.total()} rows rejected ({by_rule})")
        return said


def _task(survey: Survey, form: Writable, *, instruction: str | None, language: str, wording: str) -> Task[Any] | None:
    """What the rows ask, where the form needs a question; None where labels stand as they are."""
    if form.asks is None:
        return None
    shape = survey.shape
    description = {
        "kind": shape.kind,
        "language": survey.language if language == "auto" else language,
        "wording": wording,
        "instruction": instruction,
    }
    if shape.kind == "instruction":
        return task_from(description)
    if not shape.labels:
        raise DataError(
            survey.path, None, f"none of {survey.rows} rows has an entity", fix="name the column with the entities"
        )
    return task_from({**description, "labels": list(shape.labels)})


def _question(example: Example, task: Task[Any], asks: str | None) -> Example:
    """The example as the task asks it, with the answer in words: the same messages that training would use."""
    if task.name == "instruction" and asks == "apart":
        return example
    options = () if example.options is None and len(task.labels) > LISTED_LABELS else example.options
    *before, asked = task.messages(example.text, options=options, instruction=example.instruction)
    answer = example.target if task.name == "instruction" else task.answer(task.target(example))
    said = "\n".join(message["content"] for message in before)
    if asks == "apart":
        return replace(example, text=asked["content"], instruction=said or None, target=answer)
    if asks == "together":
        together = "\n".join(part for part in (said, asked["content"]) if part)
        return replace(example, text=together, instruction=None, target=answer)
    history: tuple[Message, ...] = (*before, *example.history)
    return replace(example, text=asked["content"], instruction=None, history=history, target=answer)


def _cannot_hold(survey: Survey, name: str, form: Writable) -> DataError:
    kind = survey.shape.kind
    missing = {
        "ner": "has no place for entities",
        "classification": "holds entities, and these rows have one label each",
        "instruction": "holds labels, and these rows have free answers",
    }
    others = "alpaca, messages, sharegpt, human_assistant, jsonl" + {"ner": ", conll, doccano", "instruction": ""}.get(
        kind, ", doccano, fudan"
    )
    return DataError(
        survey.path, None, f"{kind} rows cannot be written as {name}, which {missing[kind]}", fix=f"convert to {others}"
    )


def _one_of(name: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise ConfigError(f"{name}: {value!r} is none of {', '.join(known)}")
    return value
