"""Prepare: files become splits and a frozen renderer; every removed or shortened row is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from finetrie.config import Run
from finetrie.data.card import card
from finetrie.data.formats.reasoning import in_answer
from finetrie.data.labels import check_labels
from finetrie.data.language import language
from finetrie.data.preparation import review_rows
from finetrie.data.reading import Dataset, read
from finetrie.data.splits import split
from finetrie.errors import CheckpointError, ConfigError, DataError, FinetrieError, suggest
from finetrie.files import read_json, write_json, write_jsonl
from finetrie.models.loading import load_tokenizer, stop_ids
from finetrie.prompts import Renderer, choose_reserve
from finetrie.records import Example, Prompt, Rejection
from finetrie.steps.cleaning import name_of, plan, prepared, without_leaks
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.store import read_examples, write_examples
from finetrie.steps.workspace import Workspace, open_workspace
from finetrie.tasks import Task, task_from
from finetrie.tracking import EventLog, RunDir

PARTS = ("train", "dev", "test")


def prepare(
    source: Run | Path | str,
    *,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    review: bool = False,
    progress: Progress | None = None,
) -> Workspace:
    """Fill `data/` of a run directory, and return the run.

    Writes `train.jsonl`, `dev.jsonl`, `test.jsonl`, `rejected.jsonl` (rows taken out, with rule and reason),
    `shortened.jsonl` (texts that were cut, and what was kept), `changes.jsonl` (what `[prepare]` changed),
    `review.jsonl` and `flagged.jsonl` (what a person should look at), `card.json`, and `prompt.json` beside them: the
    task, its frozen labels and the token budget, from which every later step builds the same prompts.

    Args:
        review: also look for near conflicts where `prepare.copies` does not ask for it; without effect where the run
            is prepared already.

    Raises:
        DataError: files that cannot be read, rows that cannot be used, fewer than two labels.
        ConfigError: settings that contradict the data or each other.
        ModelError: no tokenizer.
    """
    progress = progress or Quiet()
    workspace = open_workspace(source, out=out, overrides=overrides)
    with workspace.files.lock(notice=progress.notice):
        if not workspace.done("prepare"):
            try:
                _prepare(workspace, progress, review=review)
            except FinetrieError:
                _remove_if_empty(workspace.files)
                raise
    return workspace


def _remove_if_empty(files: RunDir) -> None:
    """Data that cannot be used leaves nothing behind: the corrected file may go to the same place."""
    with suppress(OSError):
        if [entry.name for entry in files.path.iterdir()] == [".lock"]:
            (files.path / ".lock").unlink()
            files.path.rmdir()


def _prepare(workspace: Workspace, progress: Progress, *, review: bool) -> None:
    run, files = workspace.run, workspace.files
    read_parts = {name: _read(run, name) for name in PARTS if getattr(run.data, name) is not None}
    for part in read_parts.values():
        for notice in part.notices:
            progress.notice(notice)
    asked = plan(run, review=review)
    ready = {name: prepared(run, part, asked, reduce=name == "train") for name, part in read_parts.items()}
    if not ready["train"].examples:
        raise DataError(
            run.data.train,
            None,
            f"[prepare] leaves no training row: {ready['train'].rejected[0].reason}",
            fix="loosen the filters",
        )
    for done in ready.values():
        for notice in done.notices:
            progress.notice(notice)
    parts = split(
        ready["train"].examples,
        dev=ready["dev"].examples if "dev" in ready else None,
        test=ready["test"].examples if "test" in ready else None,
        dev_fraction=run.data.dev_fraction,
        test_fraction=run.data.test_fraction,
        train_rows=run.data.train_rows,
        overlap=run.data.overlap,
        seed=run.training.seed,
        kind=run.task.kind,
    )
    parts = without_leaks(run, parts, asked)
    check_labels(parts.train, kind=run.task.kind, where=run.data.train)
    task = _freeze_task(run, parts.train, labelled=ready["train"].examples)
    renderer, frozen = _freeze_renderer(run, task, parts.train)
    rendered = _render_train(renderer, parts.train)
    unfit, shortened = rendered.unfit, rendered.shortened
    if not rendered.tokens:
        raise DataError(
            run.data.train, None, f"none of the {len(parts.train)} training rows can be used: {unfit[0].reason}"
        )
    held_shortened = [row for name in ("dev", "test") for row in _shortened(renderer, name, getattr(parts, name))]

    bad_rows = [rejection for part in read_parts.values() for rejection in part.rejected]
    bad_rows += [rejection for done in ready.values() for rejection in done.rejected]
    facts = card(parts, [*bad_rows, *unfit], kind=run.task.kind)
    facts["notices"] = [notice for part in read_parts.values() for notice in part.notices] + list(facts["notices"])
    facts["tokens"] = _tokens(renderer, rendered)
    facts["shortened"] = {"train": len(shortened), **_count_by(held_shortened, "split")}
    for notice in parts.notices:
        progress.notice(notice)
    if removed := len(bad_rows) + len(parts.rejected) + len(unfit):
        progress.notice(f"{removed} rows are not used; each stands with its reason in {files.rejected}")
    if cut := len(shortened) + len(held_shortened):
        progress.notice(f"{cut} texts were shortened to fit {run.model.max_tokens} tokens; see {files.shortened}")

    workspace.begin()
    unfit_ids = {rejection.origin for rejection in unfit}
    write_examples(files.train, (example for example in parts.train if example.origin not in unfit_ids))
    write_examples(files.dev, parts.dev)
    write_examples(files.test, parts.test)
    write_jsonl(files.rejected, [*bad_rows, *parts.rejected, *unfit])
    write_jsonl(files.shortened, [*shortened, *held_shortened])
    write_jsonl(files.changes, (row for done in ready.values() for row in done.changes))
    write_jsonl(files.flagged, (row for done in ready.values() for row in done.flags))
    write_jsonl(files.review, review_rows(ready["train"].conflicts))
    write_json(files.card, facts)
    write_json(files.prompt, frozen)
    workspace.finish(
        "prepare",
        rows={name: len(getattr(parts, name)) for name in PARTS} | {"train": len(rendered.tokens)},
        rejected=removed,
        shortened=cut,
        prompt_hash=renderer.hash,
        format=read_parts["train"].format,
        columns={"text": read_parts["train"].text, "target": read_parts["train"].target},
    )
    with EventLog(files.events, notice=progress.notice) as log:
        for notice in facts["notices"]:
            log.append("notice", message=notice)


def freeze(run: Run, examples: Sequence[Example]) -> Renderer:
    """The renderer that a run with these settings would use if `examples` were all its training rows."""
    return _freeze_renderer(run, _freeze_task(run, examples, labelled=examples), examples)[0]


def load_renderer(workspace: Workspace, tokenizer: Any, *, folder: Path | None = None) -> Renderer:
    """The renderer that `prepare` froze, for this tokenizer.

    Args:
        folder: where `prompt.json` lies: the run's by default, or beside the trained weights.

    Raises:
        CheckpointError: the same settings give other prompts now: the tokenizer or its template has changed.
    """
    path = folder / "prompt.json" if folder is not None else workspace.files.prompt
    try:
        frozen = read_json(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing", fix="run `finetrie prepare` again") from None
    renderer = Renderer(
        tokenizer,
        task_from(frozen["task"]),
        max_tokens=frozen["max_tokens"],
        shorten=frozen["shorten"],
        chat_template=frozen["chat_template"],
        reserve=frozen["reserve"],
        stop_ids=frozen["stop_ids"],
    )
    if renderer.hash != frozen["hash"]:
        raise CheckpointError(
            f"{path}: prompts come out differently than when this was prepared (hash {renderer.hash[:12]}, was "
            f"{frozen['hash'][:12]}): the tokenizer or its chat template is another one",
            fix="use the base model of the run (manifest.json names its revision), or train again",
        )
    return renderer


@dataclass(slots=True)
class _Rendered:
    """What the prompts of the training rows are like. The prompts themselves would fill the memory."""

    tokens: list[int] = field(default_factory=list)  # of each row that fits
    answer_tokens: int = 0
    unfit: list[Rejection] = field(default_factory=list)
    shortened: list[dict[str, Any]] = field(default_factory=list)


def _render_train(renderer: Renderer, examples: Sequence[Example]) -> _Rendered:
    found = _Rendered()
    for rendered in renderer.render_many(examples):
        if isinstance(rendered, Rejection):
            found.unfit.append(rendered)
            continue
        found.tokens.append(len(rendered.ids))
        found.answer_tokens += sum(rendered.supervised)
        if rendered.shortening:
            found.shortened.append(_shortening("train", rendered))
    return found


def load_part(workspace: Workspace, name: str) -> list[Example]:
    """The prepared examples of "train", "dev" or "test"."""
    return list(read_examples(getattr(workspace.files, name)))


def load_test(workspace: Workspace) -> list[Example]:
    """The run's test rows.

    Raises:
        DataError: there are none.
    """
    examples = load_part(workspace, "test")
    if not examples:
        raise no_test_rows(workspace.run)
    return examples


def no_test_rows(run: Run) -> DataError:
    return DataError(
        run.data.train,
        None,
        "no test rows: nothing to score",
        fix="name a file in data.test, or set data.test_fraction",
    )


def read_like(run: Run, path: Path | str, *, labelled: bool = True, on_bad_row: str | None = None) -> Dataset:
    """Read a file as the run reads its own: same format and columns."""
    data = run.data
    if data.reasoning == "answer" and run.task.kind != "instruction":
        raise ConfigError(
            f'data.reasoning = "answer" needs a task of free answers, not {run.task.kind}: a label holds no thought',
            fix='set task.kind = "instruction", or leave data.reasoning out',
        )
    rows = read(
        path,
        format=data.format,
        encoding=data.encoding,
        kind=run.task.kind,
        text=data.text,
        target=data.target,
        options=data.options,
        on_bad_row=on_bad_row or data.on_bad_row,  # type: ignore[arg-type]
        labelled=labelled,
        keep_columns=any(name_of(asked) == "columns" for asked in run.prepare.filters),
    )
    return _with_reasoning(run, rows, Path(path).name)


def _with_reasoning(run: Run, rows: Dataset, file: str) -> Dataset:
    """The rows with their chains of thought where the run wants them, and a word about those that are not trained."""
    thought = sum(example.reasoning is not None for example in rows.examples)
    if not thought:
        return rows
    if run.data.reasoning == "answer":
        return replace(rows, examples=tuple(map(in_answer, rows.examples)))
    how = '; data.reasoning = "answer" would train it' if run.task.kind == "instruction" else ""
    notice = f"{file}: {thought} rows have a chain of thought; it is kept, and not trained{how}"
    return replace(rows, notices=(*rows.notices, notice))


def _read(run: Run, name: str) -> Dataset:
    return read_like(run, getattr(run.data, name))


def _freeze_task(run: Run, train: Sequence[Example], *, labelled: Sequence[Example]) -> Task[Any]:
    """The task with its label set fixed: the settings' own, or every label of the training file, `labelled`."""
    settings = run.task
    spoken = settings.language
    if spoken == "auto":
        spoken = language(example.text for example in train)  # type: ignore[assignment]
    description: dict[str, Any] = {
        "kind": settings.kind,
        "language": spoken,
        "wording": settings.wording,
        "instruction": settings.instruction,
    }
    if settings.kind == "instruction":
        return task_from(description)
    found = _labels_of(labelled)
    if settings.labels is not None:
        unknown = [label for label in found if label not in settings.labels]
        if unknown:
            raise ConfigError(
                f"task.labels: the training data has labels that are not listed: {', '.join(map(repr, unknown[:10]))}"
                f"{suggest(unknown[0], settings.labels)}",
                fix="add them to task.labels, correct the data, or leave task.labels out",
            )
    labels = settings.labels if settings.labels is not None else found
    if strange := [label for label in settings.names if label not in labels]:
        raise ConfigError(
            f"task.names: {strange[0]!r} is no label{suggest(strange[0], labels)} (labels: {', '.join(labels)})"
        )
    return task_from({**description, "labels": labels, "names": settings.names})


def _labels_of(examples: Iterable[Example]) -> list[str]:
    """Every label that a row has or offers, sorted: the same set whatever the order of the file."""
    found: set[str] = set()
    for example in examples:
        if isinstance(example.target, str):
            found.add(example.target)
            found.update(example.options or ())
        elif example.target is not None:
            found.update(span.label for span in example.target)
    return sorted(found)


def _freeze_renderer(run: Run, task: Task[Any], train: Sequence[Example]) -> tuple[Renderer, dict[str, Any]]:
    tokenizer = load_tokenizer(run.model.base, revision=run.model.revision)
    ends = sorted(stop_ids(run.model.base, revision=run.model.revision))
    budget: dict[str, Any] = {
        "max_tokens": run.model.max_tokens,
        "chat_template": run.model.chat_template,
        "stop_ids": ends,
    }
    reserve = run.model.reserve or choose_reserve(tokenizer, task, train, **budget)
    renderer = Renderer(tokenizer, task, shorten=run.model.shorten, reserve=reserve, **budget)
    frozen = {
        "task": task.describe(),
        **budget,
        "shorten": run.model.shorten,
        "reserve": reserve,
        "hash": renderer.hash,
    }
    first = renderer.render(train[0])
    if isinstance(first, Prompt):
        frozen["example"] = {
            "prompt": tokenizer.decode(first.prompt_ids),
            "answer": tokenizer.decode(first.answer_ids),
        }
    return renderer, frozen


def _shortened(renderer: Renderer, name: str, examples: Sequence[Example]) -> list[dict[str, Any]]:
    rendered = renderer.render_many(examples, labelled=False)
    return [_shortening(name, prompt) for prompt in rendered if isinstance(prompt, Prompt) and prompt.shortening]


def _shortening(name: str, prompt: Prompt) -> dict[str, Any]:
    assert prompt.shortening is not None
    return {
        "split": name,
        "id": prompt.id,
        "origin": prompt.origin,
        "characters": prompt.shortening.characters,
        "kept": prompt.shortening.kept,
    }


def _tokens(renderer: Renderer, rendered: _Rendered) -> dict[str, Any]:
    """Lengths in tokens, and how much of them all prompts share."""
    lengths = sorted(rendered.tokens)
    return {
        "total": sum(lengths),
        "median": lengths[len(lengths) // 2],
        "max": lengths[-1],
        "answer": rendered.answer_tokens,
        "budget": renderer.max_tokens,
        "reserve": renderer.reserve,
    }


def _count_by(rows: Sequence[dict[str, Any]], key: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[key]] = counts.get(row[key], 0) + 1
    return counts
