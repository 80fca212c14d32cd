"""Report: the result files of a run become one page."""

from __future__ import annotations

from pathlib import Path

from finetrie.errors import ConfigError
from finetrie.reports import write_report
from finetrie.steps.workspace import open_workspace


def report(directory: Path | str, *, language: str | None = None) -> Path:
    """Write `report.html` again from what lies in a run directory; returns its path.

    Raises:
        CheckpointError: not a run directory.
        ConfigError: a language the report does not speak.
    """
    workspace = open_workspace(Path(directory), create=False)
    if language not in (None, "en", "zh"):
        raise ConfigError(f"language: {language!r} is not one of en, zh")
    return write_report(workspace.path, language=language or workspace.run.report.language)  # type: ignore[arg-type]
