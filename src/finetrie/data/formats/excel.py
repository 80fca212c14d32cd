"""Excel workbooks (.xlsx): the first sheet that holds rows, read like a CSV file."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import TABLES
from finetrie.data.formats.named import Named

FORMATS.register("excel")(
    Named(
        about="an Excel workbook (.xlsx): a sheet with a header line",
        containers=TABLES & {"xlsx"},
        writes=("xlsx",),
        sample_rows=({"text": "今日股市上涨", "label": "财经"}, {"text": "球队夺冠", "label": "体育"}),
    )
)
