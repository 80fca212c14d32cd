"""`finetrie info`."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer

from finetrie.cli.options import AsJson


class Topic(str, Enum):
    tasks = "tasks"
    methods = "methods"
    formats = "formats"
    wordings = "wordings"
    cleaning = "cleaning"
    filters = "filters"
    baselines = "baselines"
    personal_data = "personal_data"


def info(
    topic: Annotated[Topic, typer.Argument(help="What to list.")],
    as_json: AsJson = False,
) -> None:
    """List what a run file can name, built in and from plug-ins."""
    from finetrie import steps

    rows = steps.info(topic.value)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    width = max(len(name) for name in rows)
    for name, what in rows.items():
        typer.echo(f"{name:<{width}}  {what}")
