"""The program `finetrie`: its commands, and the one place where our errors become exit status 2."""

from __future__ import annotations

import sys

import typer

from finetrie.cli import (
    check,
    compare,
    convert,
    curve,
    demo,
    evaluate,
    info,
    init,
    mix,
    predict,
    prepare,
    report,
    run,
    serve,
    train,
    write,
)
from finetrie.errors import FinetrieError

INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended

app = typer.Typer(
    name="finetrie",
    help="A labelled file in, a tuned, measured and served language model out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for module, name in (
    (demo, "demo"),
    (init, "init"),
    (check, "check"),
    (convert, "convert"),
    (write, "write"),
    (mix, "mix"),
    (run, "run"),
    (prepare, "prepare"),
    (train, "train"),
    (evaluate, "evaluate"),
    (curve, "curve"),
    (compare, "compare"),
    (predict, "predict"),
    (serve, "serve"),
    (report, "report"),
    (info, "info"),
):
    app.command(name)(getattr(module, name))


def _version(asked: bool) -> None:
    if asked:
        from finetrie import __version__

        typer.echo(f"finetrie {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line. Status 2: the user can fix it. A traceback: a bug of ours."""
    try:
        app()
    except FinetrieError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            print("interrupted; the same command goes on from here", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
