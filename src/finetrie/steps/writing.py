"""Write: a larger model is asked about every text of a file, and what it answers becomes the rows of a new file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from finetrie.data.formats.base import Row
from finetrie.data.language import language
from finetrie.data.reading import Dataset, read
from finetrie.data.rows import BadRow, storable
from finetrie.data.synthesis import Budget, Cache, Client, Label, Recipe, Tally, Written
from finetrie.data.synthesis import write as ask
from finetrie.errors import ConfigError, OutputError
from finetrie.files import json_line, plain, replacing
from finetrie.records import Example, Message, Rejection
from finetrie.steps.output import Output, Place, asking, beside, shape_of
from finetrie.steps.progress import Bar, Progress, Quiet
from finetrie.steps.recipe_file import RecipeFile, client_from, load_recipe, recipe_from

KINDS = {"question": "instruction", "label": "classification", "entities": "ner"}
"""Recipe → the kind of rows it makes; a paraphrase is of the kind of its source."""

_AGAIN = ("over_budget", "request_failed")
_ANSWER_TOKENS = {"question": (40, 0.0), "label": (8, 0.0), "entities": (0, 1.0), "paraphrase": (0, 1.0)}
"""Recipe → tokens of a usual answer: so many, plus this many times those of its text."""


@dataclass(frozen=True)
class WroteRows:
    """What `write` made of a file of texts."""

    path: Path
    format: str
    rows: int  # written
    tally: Tally
    rejected: Path  # rows without a usable answer, each with the answers that were refused
    provenance: Path  # where each written row comes from, line by line
    cache: Path  # the answers that were paid for
    notices: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Every text was asked about, and there are rows. If not, the same command goes on."""
        return self.rows > 0 and not any(self.tally.rows[rule] for rule in _AGAIN)


@dataclass(frozen=True)
class Preview:
    """What `write` would ask, and about how much that is."""

    messages: tuple[Message, ...]  # the first request
    rows: int
    unsuitable: int  # rows that cannot be asked about
    requests: int  # where every first answer can be used
    answered: int  # rows whose first answer is in the cache
    prompt_tokens: int  # of all requests, by rule of thumb: 0.35 for an ASCII character, 1 for any other
    answer_tokens: int  # of usual answers; a model that thinks first takes many times as many
    budget: int | None  # tokens the work may take
    most_tokens: int  # a bound on everything, if every answer but the last is refused, at its greatest length


def write(
    data: Path | str,
    out: Path | str | None = None,
    *,
    source: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    endpoint: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> WroteRows:
    """Ask a larger model about the texts of a file and write what it answers as rows.

    >>> write("news.jsonl", "labelled.jsonl", recipe={"kind": "label", "labels": ["体育", "财经"]},
    ...       endpoint={"base_url": "https://llm.example/v1", "model": "large", "key_env": "LLM_KEY"},
    ...       budget={"tokens": 200_000})                                                         # doctest: +SKIP

    Beside `out`, in its name, stand the rows without a usable answer (`.rejected.jsonl`), where each row comes from
    (`.provenance.jsonl`), and every answer that was paid for (`.answers.sqlite`). Called again after anything – a
    crash, a full budget, a broken line – it asks only what has no answer yet, and ends with the same files as if
    nothing had happened.

    Args:
        data: a recipe file (.toml), or a file of texts in any form that can be read.
        out: the file to write, in any form that can be written; None: as the recipe file says.
        source, recipe, endpoint, budget, output: the tables of a recipe file (docs/how-to/data.md), over what it says.
        overrides: `section.key=value`, as on the command line.

    Raises:
        ConfigError: settings that are missing, unknown or contradict each other; no key; a prompt that cannot be used.
        DataError: the file cannot be read, or the new rows do not fit the form.
        ModelError: no request can succeed, or the server is down. What was answered is kept.
        OutputError: a file cannot be written, or is the one that is read.
    """
    progress = progress or Quiet()
    job = _Job.of(data, out, _tables(source, recipe, endpoint, budget, output), overrides)
    job.client.key()  # before any work: a missing key is the likeliest mistake
    for notice in job.dataset.notices:
        progress.notice(notice)
    tally = Tally()
    variants = job.variants
    with ExitStack() as stack:
        cache = stack.enter_context(Cache(job.cache))
        lists = _Lists(*(stack.enter_context(replacing(beside(job.path, name))) for name in ("rejected", "provenance")))
        bar = stack.enter_context(progress.bar("writing", len(job.dataset) * variants))
        spent = None if job.asked.budget.tokens is None else Budget(job.asked.budget.tokens)
        answers = ask(
            job.dataset.examples,
            job.recipe,
            job.client,
            cache=cache,
            budget=spent,
            draws=job.asked.recipe.draws,
            variants=variants,
        )
        lists.reject(job.dataset.rejected)
        with closing(answers):  # type: ignore[type-var]
            rows = job.output.write(_rows(answers, job, tally, lists, bar))
    notices = (*job.dataset.notices, *_said(job, tally))
    for notice in notices[len(job.dataset.notices) :]:
        progress.notice(notice)
    return WroteRows(
        path=job.path,
        format=job.output.place.name,
        rows=rows,
        tally=tally,
        rejected=beside(job.path, "rejected"),
        provenance=beside(job.path, "provenance"),
        cache=job.cache,
        notices=notices,
    )


def preview_write(
    data: Path | str,
    out: Path | str | None = None,
    *,
    source: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    endpoint: Mapping[str, Any] | None = None,
    budget: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
) -> Preview:
    """What `write` with these arguments would ask first, and about how many tokens it would take; sends nothing."""
    job = _Job.of(data, out, _tables(source, recipe, endpoint, budget, output), overrides)
    first: tuple[Message, ...] = ()
    unsuitable = answered = prompts = answers = most = 0
    fixed, share = _ANSWER_TOKENS[job.recipe.name]
    with Cache(job.cache if job.cache.exists() else None) as cache:
        for example in job.dataset.examples:
            if job.recipe.unsuitable(example) is not None:
                unsuitable += 1
                continue
            messages = job.recipe.messages(example)
            first = first or tuple(messages)
            request = job.client.request(messages, job.recipe.parameters, 0)
            answered += cache.get(request.key) is not None
            prompts += round(sum(_tokens(message["content"]) for message in messages)) * job.variants
            answers += round(fixed + share * _tokens(example.text)) * job.variants
            most += request.most_tokens * job.variants * job.asked.recipe.draws
    rows = len(job.dataset)
    requests = (rows - unsuitable) * job.variants
    return Preview(first, rows, unsuitable, requests, answered, prompts, answers, job.asked.budget.tokens, most)


@dataclass(frozen=True)
class _Job:
    """Everything that is known before the first request."""

    asked: RecipeFile
    dataset: Dataset
    recipe: Recipe
    client: Client
    output: Output

    @classmethod
    def of(
        cls, data: Path | str, out: Path | str | None, tables: Mapping[str, Mapping[str, Any]], overrides: Sequence[str]
    ) -> _Job:
        if out is not None:
            tables = {**tables, "output": {**tables.get("output", {}), "path": str(out)}}
        asked = load_recipe(Path(data), tables, overrides)
        place = Place.chosen(Path(asked.output.path), asked.output.format)
        source = Path(asked.source.data)
        if place.path.exists() and source.exists() and place.path.samefile(source):
            raise OutputError(f"{place.path}: is the file to read", fix="name another file to write")
        client = client_from(asked.endpoint)
        dataset = _read(asked)
        recipe = recipe_from(asked.recipe, language(example.text for example in dataset))
        if isinstance(recipe, Label) and not recipe.labels and not any(example.options for example in dataset):
            raise ConfigError(
                "recipe.labels: is required where rows have no candidates of their own",
                fix="list the labels (--labels A,B), or name the column with the candidates: source.options",
            )
        return cls(asked, dataset, recipe, client, _output(place, asked, dataset))

    @property
    def path(self) -> Path:
        return self.output.place.path

    @property
    def cache(self) -> Path:
        given = self.asked.output.cache
        return Path(given) if given is not None else self.path.with_name(f"{self.path.stem}.answers.sqlite")

    @property
    def variants(self) -> int:
        return getattr(self.asked.recipe, "variants", 1)

    @property
    def keeps_reasoning(self) -> bool:
        return getattr(self.asked.recipe, "reasoning", False)


def _tables(*tables: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    names = ("source", "recipe", "endpoint", "budget", "output")
    return {name: table for name, table in zip(names, tables, strict=True) if table is not None}


def _read(asked: RecipeFile) -> Dataset:
    """The texts; labels are read only where they stay."""
    labelled = asked.recipe.kind == "paraphrase"
    settings = asked.source.model_dump(exclude={"data"})
    return read(asked.source.data, labelled=labelled, **settings)


def _output(place: Place, asked: RecipeFile, dataset: Dataset) -> Output:
    """How the new rows will be written: what they will hold is known from the recipe and the texts."""
    kind = KINDS.get(asked.recipe.kind, dataset.kind)
    shape = shape_of(dataset.examples, kind=kind, labels=getattr(asked.recipe, "labels", ()))
    if asked.recipe.kind == "question":
        shape = replace(shape, options=False, instructions=False, history=False, reasoning=False)
    elif asked.recipe.kind in ("label", "entities"):
        shape = replace(shape, reasoning=getattr(asked.recipe, "reasoning", False))
    spoken = language(example.text for example in dataset)
    task = asking(place, shape, source=asked.source.data, language=spoken, rows=len(dataset))
    return Output(place, shape, task)


@dataclass
class _Lists:
    """The two lists beside the new rows."""

    rejected: IO[bytes]
    provenance: IO[bytes]

    def reject(self, rejections: Sequence[Rejection], **more: Any) -> None:
        for rejection in rejections:
            self.rejected.write(_line({**plain(rejection), **more}))

    def add(self, written: Written) -> None:
        origin = plain(written.provenance)
        if isinstance(written.result, Rejection):
            self.reject([written.result], provenance=origin)
            return
        line = {"id": written.result.id, "origin": written.result.origin, "source": written.source.origin, **origin}
        if written.reasoning is not None:
            line["reasoning"] = written.reasoning
        if written.refused:
            line["refused"] = plain(list(written.refused))
        self.provenance.write(_line(line))


def _line(row: Any) -> bytes:
    """A line of JSON, whatever a server said: half a surrogate pair stays in it as an escape."""
    try:
        return json_line(row)
    except UnicodeEncodeError:
        return (json.dumps(plain(row)) + "\n").encode("ascii")


def _rows(answers: Iterator[Written], job: _Job, tally: Tally, lists: _Lists, bar: Bar) -> Iterator[Row]:
    """The rows to write; everything else goes to the lists."""
    for written in answers:
        rows: list[Row] = []
        if isinstance(written.result, Example):
            try:
                rows = job.output.rows(_with_reasoning(written.result, written, keep=job.keeps_reasoning))
            except BadRow as bad:
                unwritable = Rejection(
                    written.result.origin, bad.rule, str(bad), row=plain(written.result), text=written.source.text
                )
                written = replace(written, result=unwritable)
        tally.add(written)
        lists.add(written)
        unsuitable = isinstance(written.result, Rejection) and written.provenance.request is None
        bar.advance(job.variants if unsuitable else 1, note=f"{tally.prompt_tokens + tally.answer_tokens:,} tokens")
        yield from rows


def _with_reasoning(example: Example, written: Written, *, keep: bool) -> Example:
    """The thinking of a model belongs to the answer only where it is about the label; the row's own stays."""
    if written.reasoning is None or example.text != written.source.text:
        return example
    return replace(example, reasoning=storable(written.reasoning) if keep else written.source.reasoning)


def _said(job: _Job, tally: Tally) -> list[str]:
    """What a person should know about the rows that are not there."""
    said = job.output.losses_said(Path(job.asked.source.data).name, tally.rows["written"])
    if rows := tally.rows["over_budget"]:
        said.append(
            f"the budget of {job.asked.budget.tokens} tokens did not reach {rows} rows; run again with a larger budget "
            "for the whole work (--budget, budget.tokens): answers that are there are not paid for again"
        )
    if rows := tally.rows["request_failed"]:
        said.append(f"{rows} rows got no answer from {job.client.host}; the same command asks for these again")
    others = sum(count for rule, count in tally.rows.items() if rule not in ("written", *_AGAIN))
    if others or job.dataset.rejected:
        listed = beside(job.path, "rejected")
        said.append(f"{others + len(job.dataset.rejected)} rows were left out; each stands with its reason in {listed}")
    return said


def _tokens(text: str) -> float:
    """Tokens of a text by rule of thumb."""
    ascii_only = sum(character < "\x80" for character in text)
    return len(text) - 0.65 * ascii_only
