"""`finetrie write`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from finetrie.cli.options import Overrides

if TYPE_CHECKING:
    from finetrie.steps.writing import Preview

UNFINISHED = 1  # the exit status where the same command, or a larger budget, would write more rows


def write(
    data: Annotated[
        Path | None, typer.Argument(metavar="RECIPE.toml|DATA", help="A recipe file, or a file of texts.")
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="The file to write; a recipe file may name it.")
    ] = None,
    recipe: Annotated[
        Literal["question", "label", "entities", "paraphrase"] | None,
        typer.Option(
            "--recipe",
            "-r",
            help="What to ask for: a question that the text answers; its label; its entities; the text in other words.",
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="A,B,...", help="Labels, or types of entities, to choose from.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="URL", help="An OpenAI-compatible server, such as https://llm.example/v1."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model, as the server names it.")] = None,
    key_env: Annotated[
        str | None,
        typer.Option("--key-env", metavar="NAME", help="Environment variable with the key. Default: no key is sent."),
    ] = None,
    budget: Annotated[
        int | None, typer.Option("--budget", metavar="TOKENS", help="Tokens of the whole work. Default: no limit.")
    ] = None,
    variants: Annotated[
        int | None, typer.Option("--variants", help="New rows from each text (question, paraphrase). Default: 1.")
    ] = None,
    prompt: Annotated[
        Path | None, typer.Option("--prompt", metavar="FILE", help="Your own prompt; see --show-prompt.")
    ] = None,
    language: Annotated[
        Literal["auto", "zh", "en"] | None,
        typer.Option("--language", help="Of the built-in prompt. Default: the texts'."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="Form of OUT, as in `finetrie convert`.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="Column with the text.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="Column with the label or entities (paraphrase).")
    ] = None,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the first prompt and an estimate of tokens; send nothing.")
    ] = False,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print the built-in prompt of --recipe, to save, edit and use.")
    ] = False,
) -> None:
    """Let a larger model write rows: labels, entities or questions for your texts, or the texts in other words.

    Every answer is checked before it becomes a row, and kept on disk: the same command again, after a crash or with a
    larger budget, pays for nothing twice. Refused answers and the origin of every row are listed beside OUT.
    Exit status 1 when the budget or the server did not reach all texts.

    Examples:

        finetrie write news.txt out.jsonl -r label --labels 体育,财经 --endpoint https://llm.example/v1 -m large

        finetrie write recipe.toml --dry-run

        finetrie write --recipe question --show-prompt > prompt.txt
    """
    if show_prompt:
        from finetrie.steps.recipe_file import prompt_of

        if recipe is None:
            raise typer.BadParameter("say which: --recipe question, label, entities or paraphrase")
        typer.echo(prompt_of(recipe, "en" if language == "en" else "zh"), nl=False)
        return
    if data is None:
        raise typer.BadParameter("name a recipe file, or a file of texts")

    from finetrie import steps
    from finetrie.cli.console import Terminal

    tables: dict[str, Any] = {
        "source": {"text": text, "target": target},
        "recipe": {
            "kind": recipe,
            "labels": None
            if labels is None
            else [label for part in re.split("[,，、]", labels) if (label := part.strip())],
            "variants": variants,
            "prompt": None if prompt is None else str(prompt),
            "language": language,
        },
        "endpoint": {"base_url": endpoint, "model": model, "key_env": key_env},
        "budget": {"tokens": budget},
        "output": {"format": to},
    }
    if dry_run:
        _print(steps.preview_write(data, out, **tables, overrides=overrides or ()))
        return
    wrote = steps.write(data, out, **tables, overrides=overrides or (), progress=Terminal())
    typer.echo(str(wrote.tally), err=True)
    typer.echo(wrote.path)
    if not wrote.finished:
        raise typer.Exit(UNFINISHED)


def _print(preview: Preview) -> None:
    """The first request, and what all of them take."""
    for message in preview.messages:
        typer.echo(f"[{message['role']}]\n{message['content']}\n")
    left_out = f", {preview.unsuitable} of them cannot be asked about" if preview.unsuitable else ""
    known = f"; {preview.answered} rows have an answer already" if preview.answered else ""
    typer.echo(
        f"rows      {preview.rows}{left_out}\n"
        f"requests  {preview.requests}{known}\n"
        f"tokens    about {preview.prompt_tokens:,} asked, {preview.answer_tokens:,} answered; "
        f"never more than {preview.most_tokens:,}\n"
        f"budget    {'no limit' if preview.budget is None else f'{preview.budget:,} tokens'}"
    )
