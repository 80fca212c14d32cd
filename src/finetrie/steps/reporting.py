"""Report: the result files of a run, or of a learning curve, become one page."""

from __future__ import annotations

from pathlib import Path

from finetrie.errors import ConfigError
from finetrie.reports import write_curve_page, write_report
from finetrie.reports.words import LANGUAGES, Language
from finetrie.steps.workspace import open_workspace


def report(directory: Path | str, *, language: str | None = None) -> Path:
    """Write `report.html` of a run directory, or `curve.html` of a learning curve, again; returns its path.

    Raises:
        CheckpointError: neither of the two.
        ConfigError: a language the report does not speak.
    """
    folder = Path(directory)
    if language not in (None, *LANGUAGES):
        raise ConfigError(f"language: {language!r} is not one of {', '.join(LANGUAGES)}")
    draws_curve = (folder / "curve.json").is_file()
    workspace = open_workspace(folder.resolve().parent if draws_curve else folder, create=False)
    spoken: Language = language or workspace.run.report.language
    return write_curve_page(folder, language=spoken) if draws_curve else write_report(folder, language=spoken)
