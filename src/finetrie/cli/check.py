"""`finetrie check`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from finetrie.cli.options import AsJson

PROBLEMS = 1  # the exit status of a check that found something to decide


def check(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A labelled file or FOLDER#NAME, or a run file.")],
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="The test file, which must not be known from DATA.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="Column with the text.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="Column with the label or entities.")
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="Whose tokenizer counts.")] = "finetrie/tiny",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=8, help="The budget of prompt and answer.")] = 512,
    vectors: Annotated[
        str | None,
        typer.Option(
            "--vectors",
            metavar="ENCODER",
            help="Also compare by vectors: offline, sentence-transformers:NAME or http://HOST/v1#MODEL.",
        ),
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option("--similarity", min=0.01, max=1, help="Cosine from which vectors are alike."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where card.json and card.html go.")] = Path(),
    language: Annotated[Literal["en", "zh"], typer.Option("--language", help="Language of the page.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with labelled data: duplicates, conflicts, leaks, personal data, doubtful labels.

    Writes card.json and card.html. Exit status 1 when something needs your decision.

    Examples:

        finetrie check train.jsonl --against test.jsonl

        finetrie check news.toml --json
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal

    checked = steps.check(
        data,
        against=against,
        text=text,
        target=target,
        model=model,
        max_tokens=max_tokens,
        vectors=vectors,
        similarity=similarity,
        out=out,
        language=language,
        progress=Terminal(),
    )
    if as_json:
        typer.echo(json.dumps(checked.card, ensure_ascii=False))
    else:
        _print(checked.card)
        typer.echo(f"{checked.json}\n{checked.html}")
    if not checked.clean:
        raise typer.Exit(PROBLEMS)


def _print(card: Mapping[str, Any]) -> None:
    """The card as a table, and what to do about it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows(card):
        table.add_row(f"[bold]{name}[/]", escape(value))
    console.print(table)
    for decision in card["decisions"]:
        what = decision["what"].replace("_", " ")
        console.print(f"[yellow]{what}[/] {decision['count']}: {escape(decision['advice'])}", soft_wrap=True)


def rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of each line of the table."""
    characters, tokens = card["lengths"]["characters"], card["lengths"]["tokens"]
    duplicates, leaks, suspects = card["duplicates"], card["leaks"], card["suspects"]
    counts = list(card["labels"]["counts"].items())
    shown = ", ".join(f"{label} {count}" for label, count in counts[:8])
    return [
        ("rows", f"{card['rows']}   {card['kind']}, {card['format']}, {card['encoding']}"),
        ("unusable", _counts(card["rejected"]["count"], card["rejected"]["rules"])),
        ("languages", ", ".join(f"{name} {count}" for name, count in card["languages"].items())),
        ("characters", f"median {characters['median']}, 95 % up to {characters['p95']}, longest {characters['max']}"),
        (
            "tokens",
            f"median {tokens.get('median', '–')}, longest {tokens.get('max', '–')} ({tokens['model']}); "
            f"{100 * tokens['shortened_share']:.1f} % of texts would be shortened to fit {tokens['budget']}",
        ),
        ("labels", f"{len(counts)}: {shown}" + (f", and {len(counts) - 8} more" if len(counts) > 8 else "")),
        (
            "duplicates",
            f"{duplicates['exact']} exact, {duplicates['near']} near"
            + (f", {duplicates['vector']} by vectors; " if duplicates["vector"] is not None else "; ")
            + f"{duplicates['kept']} alike but different in meaning, kept",
        ),
        ("conflicts", str(card["conflicts"]["count"])),
        (
            "leaks",
            "–  (name the test file with --against)" if leaks is None else _counts(leaks["count"], leaks["rules"]),
        ),
        ("personal data", _counts(card["personal_data"]["count"], card["personal_data"]["kinds"], unit="rows")),
        (
            "suspects",
            f"{suspects['count']} of {suspects['judged']} labels look doubtful"
            + (f" ({suspects['labels']} labels in all)" if suspects["judged"] < suspects["labels"] else ""),
        ),
        ("machine", f"{card['machine_written']['count']} rows with phrases that only machines write"),
        *((rule.replace("_", " "), str(found["count"])) for rule, found in card["findings"].items()),
    ]


def _counts(total: int, parts: Mapping[str, int], *, unit: str = "") -> str:
    listed = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in parts.items())
    said = f"{total} {unit}".strip()
    return f"{said} ({listed})" if listed else said
