"""Parquet files as records, a batch of rows at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finetrie.data.extras import optional
from finetrie.data.rows import Record
from finetrie.errors import DataError

BATCH_ROWS = 1000


def parquet_rows(path: Path) -> Iterator[Record]:
    """One record a row, numbered from 1; lists and structures become lists and objects.

    Raises:
        DataError: the file is damaged, or has two columns of one name.
    """
    pyarrow = optional("pyarrow", path=path, what="a Parquet file")
    parquet = optional("pyarrow.parquet", path=path, what="a Parquet file")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for name, count in Counter(file.schema_arrow.names).items():
                if count > 1:
                    raise DataError(path, None, f"{count} columns are named {name!r}", fix="give each its own name")
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield Record(number, {name: as_json_value(value) for name, value in row.items()})
    except (pyarrow.ArrowException, OSError) as error:
        message = str(error).partition("\n")[0]
        raise DataError(
            path, None, f"the Parquet file is damaged after row {number}: {message}", fix="copy or export it again"
        ) from None


def as_json_value(value: Any) -> Any:
    """A cell as JSON would hold it: dates in ISO form, decimals as numbers, bytes as text."""
    if isinstance(value, dict):
        return {str(key): as_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json_value(item) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, timedelta):
        return str(value)
    return value
