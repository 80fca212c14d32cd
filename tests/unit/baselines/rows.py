"""Small labelled rows, and a language model that answers anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finetrie.baselines import Asker
from finetrie.data.reading import read
from finetrie.data.sample import sample_path
from finetrie.inference import LocalEngine
from finetrie.prompts import Renderer
from finetrie.records import Example
from finetrie.tasks import Task, task_from
from tests.conftest import tiny_model

NEWS = ("体育", "财经", "科技")


def classified(part: str = "train", *, each: int = 12) -> list[Example]:
    """Rows of three classes, `each` of every class, in turn."""
    rows = read(sample_path(part), text="text", target="label", kind="classification").examples
    by_label = {label: [row for row in rows if row.target == label][:each] for label in NEWS}
    return [row for group in zip(*by_label.values(), strict=True) for row in group]


def marked(part: str = "train", *, rows: int = 30) -> list[Example]:
    """Rows with entities."""
    return list(read(sample_path(part), text="text", target="entities", kind="ner").examples[:rows])


def classification(**settings: Any) -> Task[Any]:
    return task_from({"kind": "classification", "labels": list(NEWS), "language": "zh", **settings})


def ner() -> Task[Any]:
    return task_from({"kind": "ner", "labels": ["GPE", "LOC", "ORG", "PER"], "language": "zh"})


def asker_of(tokenizer: Any, task: Task[Any], *, max_tokens: int = 1024) -> Callable[[], Asker]:
    """A random model of two layers that reads one token a byte."""
    renderer = Renderer(tokenizer, task, max_tokens=max_tokens, reserve=16)
    engine = LocalEngine(tiny_model("qwen2"), renderer)
    return lambda: Asker(engine, renderer, decoding="argmax", max_new_tokens=8)
