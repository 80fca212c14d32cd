"""Predict: a trained run answers unlabelled rows; each comes back with its answer, none is lost."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.edits import difference, rebase
from finetrie.data.preparation import Plan, prepare_rows
from finetrie.data.reading import Raw, iter_rows
from finetrie.errors import CheckpointError, OutputError
from finetrie.files import file_hash, plain, read_json, text_hash, write_json
from finetrie.inference import LocalEngine
from finetrie.inference.answers import answer
from finetrie.prompts import Renderer
from finetrie.records import Example, Prediction, Rejection
from finetrie.steps.answering import CHUNK
from finetrie.steps.cleaning import plan
from finetrie.steps.evaluating import load_base, tuned
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.store import target_row
from finetrie.steps.training import answer_limit
from finetrie.steps.workspace import Workspace, open_workspace


def predict(
    directory: Path | str,
    file: Path | str,
    *,
    out: Path | None = None,
    text: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Answer every row of a file; returns the path of the answers.

    The rows come back in order, with `prediction` and `probability` added (CSV and TSV stay tables, everything
    else becomes JSONL), and `prediction_error` for a row that cannot be answered. Only labels of the run are
    predicted. The answers are written as they come; started again, the work goes on after the last of them.

    Raises:
        CheckpointError: the run is not trained.
        DataError: the file cannot be read, or no column holds the text.
    """
    progress = progress or Quiet()
    path = Path(file)
    workspace = trained(directory)
    rows = _rows(workspace.run, path, text)
    first = next(rows, None)  # a file that cannot be read says so before a model is loaded
    table = path.suffix.lower() in (".csv", ".tsv") and first is not None and isinstance(first.row, dict)
    suffix = path.suffix.lower() if table else ".jsonl"
    target = out or path.with_name(f"{path.stem}.predicted{suffix}")
    writer = _Writer(target, workspace, path, delimiter={".csv": ",", ".tsv": "\t"}.get(suffix) if table else None)
    done = writer.open()
    everything = (raw for part in ([] if first is None else [first], rows) for raw in part)
    remaining = islice(everything, done, None)
    engine, renderer = _engine(workspace)
    asked = plan(workspace.run, reduce=False)
    with progress.bar("predicting", _count(workspace.run, path, text), done=done) as bar:
        while chunk := list(islice(remaining, CHUNK)):
            results = [raw.result for raw in chunk]
            answered = _answers(engine, renderer, workspace.run, results, asked)
            writer.write([_with_answer(raw.row, answer) for raw, answer in zip(chunk, answered, strict=True)])
            bar.advance(len(chunk))
    writer.close()
    for notice in engine.notices:
        progress.notice(notice)
    return target


def predict_texts(
    directory: Path | str, texts: Iterable[str], *, progress: Progress | None = None
) -> Iterator[dict[str, Any]]:
    """Answer texts one after the other: `{"text", "prediction", "probability", ...}` each."""
    ask, remaining = answering(directory), iter(texts)
    while chunk := list(islice(remaining, CHUNK)):
        for text, answered in zip(chunk, ask(chunk), strict=True):
            yield {"text": text, **answered}


def answering(directory: Path | str) -> Callable[[Sequence[str]], list[dict[str, Any]]]:
    """A trained run, loaded: texts → `{"prediction", "probability", ...}` each, in order.

    Raises:
        CheckpointError: the run is not trained.
    """
    workspace = trained(directory)
    engine, renderer = _engine(workspace)
    asked = plan(workspace.run, reduce=False)

    def ask(texts: Sequence[str]) -> list[dict[str, Any]]:
        examples = [Example(str(i), text, None, f"text {i + 1}") for i, text in enumerate(texts)]
        return _answers(engine, renderer, workspace.run, examples, asked)

    return ask


def trained(directory: Path | str) -> Workspace:
    """A run that can answer; raises CheckpointError where it is not trained."""
    workspace = open_workspace(Path(directory), create=False)
    if not workspace.done("train"):
        raise CheckpointError(f"{workspace.path}: is not trained yet", fix=f"run: finetrie train {directory}")
    return workspace


def _engine(workspace: Workspace) -> tuple[LocalEngine, Renderer]:
    base, renderer = load_base(workspace)
    return LocalEngine(tuned(workspace, base), renderer), renderer


def _rows(run: Run, path: Path, text: str | None) -> Iterator[Raw]:
    """The file's rows, read with the run's columns where the file has them, else with those it has."""
    return iter_rows(path, text=text, options=run.data.options, kind=run.task.kind)


def _count(run: Run, path: Path, text: str | None) -> int:
    return sum(1 for _ in _rows(run, path, text))


def _answers(
    engine: LocalEngine, renderer: Renderer, run: Run, rows: Sequence[Example | Rejection], asked: Plan
) -> list[dict[str, Any]]:
    """What is added to each row. The model sees the texts as in training: cleaned and masked as the run asks for."""
    given = [row for row in rows if isinstance(row, Example)]
    examples = prepare_rows(given, asked, kind=run.task.kind, reduce=False).examples
    seen = iter([example.text for example in examples])
    predictions = answer(
        engine,
        renderer,
        examples,
        decoding="argmax",
        decodings=("argmax", "probabilities"),
        max_new_tokens=answer_limit(run, renderer),
    )
    return [
        _added(next(predictions), row.text, seen=next(seen))
        if isinstance(row, Example)
        else {"prediction": None, "probability": None, "prediction_error": row.reason}
        for row in rows
    ]


def _added(prediction: Prediction, text: str, *, seen: str) -> dict[str, Any]:
    """The answer about `text`, of which the model saw `seen`: entities stand where they are in `text`."""
    answer = target_row(prediction.answer, seen)
    if isinstance(prediction.answer, tuple) and seen != text:
        places = rebase(prediction.answer, difference(seen, text))
        answer = [
            {**one, "start": None, "end": None} if place is None else target_row((place,), text)[0]
            for one, place in zip(answer, places, strict=True)
        ]
    added = {"prediction": answer, "probability": prediction.probability}
    problem = prediction.details.get("error") or prediction.details.get("reason")
    if prediction.answer is None:
        added["prediction_error"] = problem or "no answer"
    return added


def _with_answer(row: Any, added: dict[str, Any]) -> dict[str, Any]:
    """The row as it was, and the answer; a column of the row's own that has the same name is kept as NAME_input."""
    original = dict(row) if isinstance(row, dict) else {"text": row}
    for name in added:
        if name in original:
            original[f"{name}_input"] = original.pop(name)
    return {**original, **added}


class _Writer:
    """Appends rows to a partial file that takes its name when it is complete."""

    COLUMNS = ("prediction", "probability", "prediction_error")

    def __init__(self, target: Path, workspace: Workspace, source: Path, *, delimiter: str | None) -> None:
        self._target, self._delimiter = target, delimiter
        weights = (workspace.done("train") or {}).get("finished")
        self._key = text_hash(file_hash(source), str(weights), str(workspace.path.resolve()))[:12]
        self._partial = target.with_name(f".{target.name}.{self._key}.partial")
        self._state = target.with_name(f".{target.name}.{self._key}.json")
        self._columns: list[str] | None = None
        self._rows = 0

    def open(self) -> int:
        """Rows that an interrupted call has answered already."""
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            if self._state.exists() and self._partial.exists():
                state = read_json(self._state)
                self._rows, self._columns = state["rows"], state["columns"]
                with self._partial.open("r+b") as stream:
                    stream.truncate(state["bytes"])
            else:
                self._partial.write_bytes(b"")
        except OSError as error:
            raise OutputError(
                f"{self._target}: cannot write: {error.strerror}", fix="choose another file with --out"
            ) from error
        return self._rows

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        encode: Callable[[Sequence[dict[str, Any]]], str] = self._lines if self._delimiter is None else self._table
        try:
            with self._partial.open("ab") as stream:
                stream.write(encode(rows).encode("utf-8"))
                stream.flush()
                os.fsync(stream.fileno())
                size = stream.tell()
        except OSError as error:
            raise OutputError(
                f"{self._target}: cannot write: {error.strerror}", fix="free some space; the same command goes on"
            ) from error
        self._rows += len(rows)
        write_json(self._state, {"rows": self._rows, "bytes": size, "columns": self._columns})

    def close(self) -> None:
        os.replace(self._partial, self._target)
        self._state.unlink(missing_ok=True)

    def _lines(self, rows: Sequence[dict[str, Any]]) -> str:
        return "".join(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows)

    def _table(self, rows: Sequence[dict[str, Any]]) -> str:
        buffer = io.StringIO()
        if self._columns is None:
            self._columns = list(dict.fromkeys([*(k for k in rows[0] if k not in self.COLUMNS), *self.COLUMNS]))
            csv.writer(buffer, delimiter=self._delimiter or ",").writerow(self._columns)
        writer = csv.DictWriter(buffer, self._columns, delimiter=self._delimiter or ",", extrasaction="ignore")
        for row in rows:
            writer.writerow({key: _cell(value) for key, value in row.items()})
        return buffer.getvalue()


def _cell(value: Any) -> Any:
    """Spans and other structures as JSON in a table's cell."""
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, (list, dict, tuple)) else value
