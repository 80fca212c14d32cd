"""What an evaluating step gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """Scores and where everything behind them lies."""

    path: Path  # the directory with predictions.jsonl and metrics.json
    metrics: Mapping[str, Any]  # the content of metrics.json
