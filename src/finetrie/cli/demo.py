"""`finetrie demo`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from finetrie.cli.options import Overrides


class DemoTask(str, Enum):
    classification = "classification"
    ner = "ner"


def demo(
    task: Annotated[DemoTask, typer.Option(help="Which of the two main tasks to show.")] = DemoTask.classification,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the run goes.")] = Path("demo"),
    overrides: Overrides = None,
) -> None:
    """Run the whole job offline, on an embedded data set and an embedded tiny model; print the run directory.

    Takes a few minutes on two cores. Look at report.html in the directory it prints.

    Examples:

        finetrie demo

        finetrie demo --task ner --out demo-ner
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.cli.summary import print_result

    directory = out if out != Path("demo") else out / task.value
    result = steps.demo(task.value, directory, overrides=overrides or [], progress=Terminal())
    print_result(result)
