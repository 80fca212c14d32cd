"""Tab-separated values, with a header line or as bare `text<TAB>label`."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import TABLES
from finetrie.data.formats.named import Named

FORMATS.register("tsv")(
    Named(
        about="a table with tabs between the cells; without a header, text<TAB>label",
        containers=TABLES & {"tsv"},
        writes=("tsv",),
        sample_rows=({"text": "今日股市上涨", "label": "财经"}, {"text": "球队夺冠", "label": "体育"}),
    )
)
