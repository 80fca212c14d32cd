"""`finetrie serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from finetrie.cli.options import RunDirectory


def serve(
    directory: RunDirectory,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all of this machine's.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 for a free one.")] = 8000,
) -> None:
    """Put a trained run behind an OpenAI-compatible API; print its address.

    The model's name is the directory's. A chat message with a text is answered with a valid label, or with entities as
    JSON; /v1/completions goes on from a prompt. Answers are greedy. Needs the extra `serve`.

    Examples:

        finetrie serve runs/news-lora-1a2b3c4d --port 8000
    """
    from importlib.util import find_spec

    from finetrie.errors import ConfigError

    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise ConfigError(f"serving needs {' and '.join(missing)}", fix='pip install "finetrie[serve]"')
    from finetrie import steps
    from finetrie.cli.console import Terminal

    steps.serve(directory, host=host, port=port, started=typer.echo, progress=Terminal())
