"""Comma-separated values (or semicolons, as some spreadsheets write them) with a header line."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import TABLES
from finetrie.data.formats.named import Named

FORMATS.register("csv")(
    Named(
        about="a table with a header line and commas between the cells",
        containers=TABLES & {"csv"},
        writes=("csv",),
        sample_rows=({"text": "The market rose", "label": "economy"}, {"text": "They won the cup", "label": "sports"}),
    )
)
