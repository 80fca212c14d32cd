"""Check: a labelled file becomes a card of facts and doubts, as a table, as JSON and as a page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from finetrie.config import Run, load_run, parse_run
from finetrie.data.check import PARTS as CHECKED
from finetrie.data.check import check as check_rows
from finetrie.data.check import lengths
from finetrie.data.duplicates import retrieval
from finetrie.data.reading import Dataset, read
from finetrie.errors import ConfigError
from finetrie.files import write_json
from finetrie.records import Prompt
from finetrie.reports.card import write_card
from finetrie.reports.words import Language
from finetrie.steps.cleaning import chosen_retrieval
from finetrie.steps.preparing import freeze, read_like
from finetrie.steps.progress import Bar, Progress, Quiet

PARTS = (*CHECKED, "tokens")
"""What the progress bar counts."""

MOST_PROMPTS = 20_000
"""Rows whose tokens are counted; of a larger file every n-th one."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found, and where it is written."""

    card: dict[str, Any]
    json: Path
    html: Path

    @property
    def clean(self) -> bool:
        """Nothing needs a person's decision."""
        return not self.card["decisions"]


def check(
    data: Path | str,
    *,
    against: Path | str | None = None,
    text: str | None = None,
    target: str | None = None,
    model: str = "finetrie/tiny",
    max_tokens: int = 512,
    vectors: str | None = None,
    similarity: float | None = None,
    out: Path = Path(),
    language: Language = "en",
    progress: Progress | None = None,
) -> Checked:
    """Write `card.json` and `card.html` about a labelled file into the folder `out`.

    Args:
        data: a labelled file; or a run file, whose training file, test file, columns, model and token budget are taken.
        against: a file that must not be known from `data`: its test file.
        text, target: columns; default: found by their names.
        model: whose tokenizer counts. Lengths in tokens are those of whole prompts.
        max_tokens: the budget that says which texts would be shortened.
        vectors: also compare rows by vectors, with "offline", "sentence-transformers:FOLDER-OR-NAME" or
            "http://HOST/v1#MODEL"; default: where the run file's `[prepare]` does.
        similarity: the cosine from which vectors are alike; default: 0.6 offline, else 0.9.

    Raises:
        ConfigError: no such encoder, or it is not installed.
        DataError: the file cannot be read, or none of its rows can be used.
        ModelError: the model has no tokenizer.
    """
    progress = progress or Quiet()
    run, rows = _opened(Path(data), text=text, target=target, model=model, max_tokens=max_tokens)
    if against is None:
        against = run.data.test
    held = None if against is None else read_like(run, against, on_bad_row="reject")
    if vectors is None and similarity is not None:
        raise ConfigError("similarity is not used without vectors", fix='name an encoder, such as vectors="offline"')
    by_vector = chosen_retrieval(run.prepare) if vectors is None else retrieval(vectors, similarity=similarity)
    with progress.bar("check", len(PARTS)) as bar:
        begin = partial(_begin, bar)
        card = {
            "file": str(data),
            "against": None if against is None else str(against),
            **check_rows(rows, against=held, by_vector=by_vector, begin=begin),
        }
        begin("tokens")
        card["lengths"]["tokens"] = _tokens(run, rows)
        bar.advance()
    for notice in card["notices"]:
        progress.notice(notice)
    write_json(out / "card.json", card)
    return Checked(card, out / "card.json", write_card(card, out / "card.html", language=language))


def _begin(bar: Bar, part: str) -> None:
    """Say which part begins; the one before it is done."""
    bar.advance(int(part != PARTS[0]), note=part)


def _opened(data: Path, *, text: str | None, target: str | None, model: str, max_tokens: int) -> tuple[Run, Dataset]:
    """The rows, and the settings to read and count by: the run file's own, or those asked for."""
    if data.suffix == ".toml":
        run = load_run(data)
        return run, read_like(run, run.data.train, on_bad_row="reject")
    rows = read(data, text=text, target=target, on_bad_row="reject")
    columns = {name: column for name, column in (("text", text), ("target", target)) if column is not None}
    tree = {
        "data": {"train": str(data), **columns},
        "task": {"kind": rows.kind},
        "model": {"base": model, "max_tokens": max_tokens},
    }
    return parse_run(tree), rows


def _tokens(run: Run, rows: Dataset) -> dict[str, Any]:
    """How long whole prompts are, and how many texts the budget would shorten or refuse."""
    step = -(-len(rows.examples) // MOST_PROMPTS)
    some = rows.examples[::step]
    renderer = freeze(run, some)
    counted: list[int] = []
    shortened = 0
    for prompt in renderer.render_many(some):
        if isinstance(prompt, Prompt):
            counted.append(len(prompt.ids))
            shortened += prompt.shortening is not None
    return {
        **lengths(counted),
        "model": run.model.base,
        "budget": run.model.max_tokens,
        "counted": len(some),
        "shortened": shortened,
        "shortened_share": round(shortened / len(some), 4),
        "too_long": len(some) - len(counted),
    }
