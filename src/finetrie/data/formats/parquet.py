"""Parquet files with named columns; entities and turns may be lists of structures."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import TABLES
from finetrie.data.formats.named import Named

FORMATS.register("parquet")(
    Named(
        about="a Parquet file with named columns",
        containers=TABLES & {"parquet"},
        writes=("parquet",),
        sample_rows=({"text": "今日股市上涨", "label": "财经"}, {"text": "球队夺冠", "label": "体育"}),
    )
)
