"""`finetrie run`."""

from __future__ import annotations

from finetrie.cli.options import Out, Overrides, RunFile


def run(run_file: RunFile, overrides: Overrides = None, out: Out = None) -> None:
    """From a labelled file to a report: prepare, train, evaluate; print the run directory.

    Started again after an interruption, it goes on where it stopped.

    Examples:

        finetrie run finetrie.toml

        finetrie run finetrie.toml --set training.epochs=1 --set data.train_rows=500
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.cli.summary import print_result

    print_result(steps.run(run_file, out=out, overrides=overrides or [], progress=Terminal()))
