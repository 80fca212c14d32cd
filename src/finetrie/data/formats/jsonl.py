"""JSON lines, or an array of JSON objects, with named columns."""

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import JSON
from finetrie.data.formats.named import Named

FORMATS.register("jsonl")(
    Named(
        about='one JSON object a line (or a JSON array of objects): {"text": ..., "label": ...}',
        containers=JSON,
        writes=("jsonl", "json"),
        sample_rows=({"text": "今日股市上涨", "label": "财经"}, {"text": "球队夺冠", "label": "体育"}),
    )
)
