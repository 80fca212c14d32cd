"""The published prompt on the published data with the real tokenizer: no row loses its label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pytest

from finetrie.prompts import Renderer
from finetrie.prompts.budget import cut, joined
from finetrie.records import Example, Prompt
from finetrie.tasks import task_from
from tests.conftest import shared

LABELS = ("Politics", "Economy", "Sports", "Computer")
TASK = task_from({"kind": "classification", "labels": LABELS, "wording": "fudan_news"})
BUDGET = 384


@lru_cache
def rows() -> tuple[tuple[Example, str], ...]:
    """Examples, each with its candidate classes as they stand in the file."""
    lines = shared("data/fudan_news/train.jsonl").read_text("utf-8").split("\n")
    made = []
    for number, line in enumerate(lines, start=1):
        if line:
            row = json.loads(line)
            options = tuple(option.strip() for option in row["category"].split(","))
            example = Example(str(number), row["text"], row["output"], f"train.jsonl:{number}", options=options)
            made.append((example, row["category"]))
    return tuple(made)


def test_a_plain_script_that_cuts_tokens_loses_most_labels(qwen_tokenizer: Any) -> None:
    """The control: prompt and label are tokenised, and what is behind the budget falls off."""
    lost = 0
    for example, category in rows():
        system = TASK.messages("")[0]["content"]
        written = (
            f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n文本:{example.text},类型选型:{category}"
            "<|im_end|>\n<|im_start|>assistant\n"
        )
        lost += len(qwen_tokenizer(written, add_special_tokens=False)["input_ids"]) > BUDGET
    assert lost / len(rows()) == pytest.approx(0.619, abs=0.0005)


@pytest.mark.parametrize("shorten", ["head", "tail", "head_tail"])
def test_no_row_loses_its_label_or_its_options(qwen_tokenizer: Any, shorten: Any) -> None:
    part = rows() if shorten == "head" else rows()[::8]
    renderer = Renderer(qwen_tokenizer, TASK, max_tokens=BUDGET, shorten=shorten)
    made = [prompt for prompt in renderer.render_many(example for example, _ in part) if isinstance(prompt, Prompt)]
    assert len(made) == len(part)
    for prompt, (example, category) in zip(made, part, strict=True):
        assert len(prompt.ids) <= BUDGET
        assert qwen_tokenizer.decode(prompt.answer_ids) == f"{example.target}<|im_end|>"
        assert qwen_tokenizer.decode(prompt.prompt_ids[-40:]).endswith(
            f",类型选型:{category}<|im_end|>\n<|im_start|>assistant\n"
        )
    shortened = sum(prompt.shortening is not None for prompt in made)
    assert 0.55 < shortened / len(made) < 0.70
    if shorten == "head":
        assert shortened == 797


@pytest.mark.parametrize("shorten", ["head", "tail", "head_tail"])
def test_not_one_character_more_would_have_fitted(qwen_tokenizer: Any, shorten: Any) -> None:
    renderer = Renderer(qwen_tokenizer, TASK, max_tokens=BUDGET, shorten=shorten)
    limit = BUDGET - renderer.reserve
    for example, _ in rows()[::160]:
        made = renderer.render(example)
        assert isinstance(made, Prompt)
        if made.shortening is None:
            continue
        kept = sum(end - start for start, end in made.shortening.kept)
        larger = [joined(example.text, cut(example.text, size, shorten)) for size in range(kept + 1, kept + 60)]
        lengths = [length for text, length in zip(larger, _lengths(renderer, larger), strict=True) if text != made.text]
        assert min(lengths) > limit
        assert made.prompt_length >= limit - 3


def test_a_prompt_has_the_tokens_of_the_models_own_template(qwen_tokenizer: Any) -> None:
    renderer = Renderer(qwen_tokenizer, TASK, max_tokens=BUDGET)
    for example, _ in rows()[:64]:
        made = renderer.render(example)
        assert isinstance(made, Prompt)
        messages = TASK.messages(made.text, options=example.options)
        written = qwen_tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert list(made.prompt_ids) == qwen_tokenizer(written, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("character", ["a", " ", "南", "👩‍💻", "\n"])
def test_a_text_of_a_million_characters_is_shortened_too(qwen_tokenizer: Any, character: str) -> None:
    renderer = Renderer(qwen_tokenizer, TASK, max_tokens=BUDGET)
    made = renderer.render(Example("1", character * (1_000_000 // len(character)), "Sports", "f:1"))
    assert isinstance(made, Prompt)
    assert made.shortening is not None
    assert made.prompt_length <= BUDGET - renderer.reserve
    assert qwen_tokenizer.decode(made.answer_ids) == "Sports<|im_end|>"


def _lengths(renderer: Renderer, texts: Sequence[str]) -> list[int]:
    prompts = [renderer.task.messages(text, options=LABELS) for text in texts]
    tokenizer = renderer.chat._tokenizer
    return [
        len(tokenizer(tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True))["input_ids"])
        for prompt in prompts
    ]
