"""Every built-in wording, byte for byte: a changed prompt is a changed product.

After a wanted change: delete the file, run this test once with `FINETRIE_WRITE_GOLDEN=1`, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from finetrie.prompts import Renderer
from finetrie.records import Example, Message, Prompt, Span
from finetrie.tasks import WORDINGS, task_from
from tests.unit.prompts import families

GOLDEN = Path(__file__).parent / "golden"
CLASSES = {"kind": "classification", "labels": ["体育", "经济"]}
TOPICS = {"kind": "classification", "labels": ["sport", "world affairs"], "language": "en"}
TYPES = {"kind": "ner", "labels": ["GPE", "PER", "ORG", "LOC"]}
NEWS = Example("1", "王芳在南京。", "体育", "f:1")
STORY = Example("1", "Ann is in Oslo.", "sport", "f:1")
PLACES = (Span(0, 2, "PER"), Span(3, 5, "GPE"))
TURNS: tuple[Message, ...] = ({"role": "user", "content": "一"}, {"role": "assistant", "content": "二"})

CASES: list[tuple[str, dict[str, Any], Example]] = [
    ("classification-default-zh", CLASSES, NEWS),
    ("classification-default-zh-options", CLASSES, Example("1", "正文", "经济", "f:1", options=("经济", "其他"))),
    ("classification-default-zh-instruction", {**CLASSES, "instruction": "分类："}, NEWS),
    ("classification-default-en", TOPICS, STORY),
    ("classification-fudan_news-zh", {**CLASSES, "wording": "fudan_news"}, NEWS),
    ("classification-fudan_news-en", {**TOPICS, "wording": "fudan_news"}, STORY),
    ("ner-default-zh", TYPES, Example("1", NEWS.text, PLACES, "f:1")),
    ("ner-default-zh-nothing", TYPES, Example("1", "无", (), "f:1")),
    ("ner-default-en", {**TYPES, "language": "en"}, Example("1", STORY.text, (Span(0, 3, "PER"),), "f:1")),
    ("ner-default-en-nothing", {**TYPES, "language": "en"}, Example("1", "no", (), "f:1")),
    ("ner-ccf_ner-zh", {**TYPES, "wording": "ccf_ner"}, Example("1", NEWS.text, PLACES, "f:1")),
    ("instruction-default-zh", {"kind": "instruction"}, Example("1", "猫", "cat", "f:1", instruction="翻译：")),
    ("instruction-default-zh-turns", {"kind": "instruction"}, Example("1", "三", "四", "f:1", history=TURNS)),
]


@pytest.mark.parametrize(("name", "description", "example"), CASES, ids=[case[0] for case in CASES])
def test_prompt_and_answer_are_what_they_were(name: str, description: dict[str, Any], example: Example) -> None:
    tokenizer = families.tokenizer("chatml")
    made = Renderer(tokenizer, task_from(description), max_tokens=2000, reserve=300).render(example)
    assert isinstance(made, Prompt)
    written = tokenizer.decode(made.prompt_ids) + "⟦" + tokenizer.decode(made.answer_ids) + "⟧\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("FINETRIE_WRITE_GOLDEN") and not path.exists():
        path.write_bytes(written.encode())
    assert path.read_bytes() == written.encode()


def test_every_wording_has_a_golden_file() -> None:
    assert {name.split("-")[1] for name, _, _ in CASES} == set(WORDINGS.names())


def test_every_golden_file_has_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {name for name, _, _ in CASES}
