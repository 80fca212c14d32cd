"""Convert: a labelled file in one form becomes a file in another, row by row; what is lost is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finetrie.data.formats.base import Row
from finetrie.data.reading import LISTED_ROWS, bad_rows_error, nothing_usable, rejection_of
from finetrie.data.rows import BadRow, Record
from finetrie.data.streaming import Stream, Survey
from finetrie.errors import OutputError
from finetrie.files import write_jsonl
from finetrie.records import Example, Rejection
from finetrie.steps.output import Output, Place, asking, beside, one_of
from finetrie.steps.progress import Bar, Progress, Quiet

ADVANCE = 1000
"""Rows between two movements of the progress bar."""

_LEAVE_OUT = 'leave them out: --on-bad-row reject (on_bad_row="reject"); they are then listed beside the file'


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
    lost: dict[str, int]  # part of a row ("text", "target", "options", "history", "reasoning", ...) → rows that lose it
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
    place = Place.chosen(path, to, scheme=scheme)
    one_of("on_bad_row", on_bad_row, ("stop", "reject"))
    one_of("language", language, ("auto", "zh", "en"))
    if path.exists() and source.exists() and path.samefile(source):
        raise OutputError(f"{path}: is the file to read", fix="name another file to write")
    stream = Stream(source, format, encoding, kind, text, target, options)
    survey = stream.survey()
    spoken = survey.language if language == "auto" else language
    task = asking(
        place,
        survey.shape,
        source=survey.path,
        language=spoken,
        rows=survey.rows,
        wording=wording,
        instruction=instruction,
    )
    conversion = _Conversion(survey, Output(place, survey.shape, task), on_bad_row)
    with progress.bar("converting", survey.rows) as bar:
        conversion.output.write(conversion.rows(stream.examples(survey), bar))
    rejected_path = conversion.save_rejected(path)
    notices = (*survey.notices, *conversion.notices())
    for notice in notices:
        progress.notice(notice)
    return Converted(
        path=path,
        format=place.name,
        container=place.container,
        source_format=survey.format,
        kind=survey.shape.kind,
        examples=conversion.examples,
        rejected=conversion.rules.total(),
        rejected_path=rejected_path,
        lost=dict(conversion.output.losses.counts),
        notices=notices,
    )


class _Conversion:
    """One pass over the examples: their rows, the bad rows, the losses."""

    def __init__(self, survey: Survey, output: Output, on_bad_row: str) -> None:
        self.survey, self.output = survey, output
        self.keep_bad = on_bad_row == "reject"
        self.examples = 0
        self.ids_left_out = survey.shape.ids
        self.bad: list[tuple[Record, BadRow]] = []
        self.rules: Counter[str] = Counter()

    def rows(self, examples: Iterable[tuple[Record, Example | BadRow]], bar: Bar) -> Iterator[Row]:
        """The rows to write. Raises DataError at the end, before the file takes its place, where it must not."""
        for record, example in examples:
            try:
                if isinstance(example, BadRow):
                    raise example
                written = self.output.rows(example)
            except BadRow as bad:
                self.rules[bad.rule] += 1
                if self.keep_bad or len(self.bad) < LISTED_ROWS:
                    self.bad.append((record, bad))
                continue
            self.examples += 1
            self.ids_left_out = self.ids_left_out and not any("id" in row for row in written)
            if self.examples % ADVANCE == 0:
                bar.advance(ADVANCE)
            yield from written
        bar.advance(self.examples % ADVANCE)
        if self.bad and not self.keep_bad:
            usable = self.examples
            raise bad_rows_error(self.survey.path, self.bad, self.rules, usable=usable, leave_out=_LEAVE_OUT)
        if not self.examples:
            raise nothing_usable(self.survey.path, self.bad[0], self.rules)

    def save_rejected(self, path: Path) -> Path | None:
        """List the rows left out beside the file; a list from an earlier conversion does not stay."""
        listed = beside(path, "rejected")
        if not self.bad:
            if self.keep_bad:
                listed.unlink(missing_ok=True)
            return None
        write_jsonl(listed, self._rejections())
        return listed

    def _rejections(self) -> Iterator[Rejection]:
        for record, bad in self.bad:
            yield rejection_of(record, bad, f"{self.survey.path.name}:{record.line}")

    def notices(self) -> list[str]:
        """What the conversion changed or left out, with counts."""
        file, name = self.survey.path.name, self.output.place.name
        said = self.output.losses_said(file, self.examples)
        if left_out := [*(("id",) if self.ids_left_out else ()), *map(str, self.survey.unread)]:
            said.append(f"{file} → {name}: columns left out: {', '.join(left_out)}")
        if self.bad:
            by_rule = ", ".join(f"{rule} {count}" for rule, count in sorted(self.rules.items()))
            said.append(f"{file}: {self.rules.total()} rows rejected ({by_rule})")
        return said
