"""Optional libraries, imported when a file needs them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from finetrie.errors import DataError


def optional(module: str, *, path: Path, what: str, extra: str = "tables") -> Any:
    """The module, imported now.

    Raises:
        DataError: it is not installed; the message names the extra that brings it.
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise DataError(
            path, None, f"{what} needs {library}, which is not installed", fix=f'pip install "finetrie[{extra}]"'
        ) from None
