"""From texts to answers: renderer, task and engine together, on real chat templates and tokenizers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from finetrie.inference import LocalEngine
from finetrie.prompts import Renderer
from finetrie.records import Example, Prompt, Unparsed
from finetrie.tasks.classification import Classification
from tests.conftest import FAMILIES, shared, tiny_model

LABELS = ("体育", "体育新闻", "财经", "news_story", "news_sports")
TEXTS = ("国足一比零获胜", "", "股市大涨，银行股领涨", "A story about a team", "国足一比零获胜")


def examples(texts: tuple[str, ...] = TEXTS, **changes: Any) -> list[Example]:
    return [Example(f"row {i}", text, None, f"test.jsonl:{i + 1}", **changes) for i, text in enumerate(texts)]


def rendered(renderer: Renderer, rows: list[Example]) -> list[Prompt]:
    found = list(renderer.render_many(rows, labelled=False))
    assert all(isinstance(prompt, Prompt) for prompt in found)
    return found  # type: ignore[return-value]


def said_alone(model: Any, renderer: Renderer, prompt: Prompt, *, limit: int) -> str:
    ids = torch.tensor([prompt.prompt_ids])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=limit,
        eos_token_id=sorted(renderer.stop_ids),
        pad_token_id=min(renderer.stop_ids),
    )
    return renderer.completion(out[0, ids.shape[1] :].tolist())


@torch.no_grad()
def log_probability(model: Any, prompt: Prompt, answer: tuple[int, ...]) -> float:
    logits = model(input_ids=torch.tensor([[*prompt.prompt_ids, *answer]])).logits[0].log_softmax(-1)
    start = prompt.prompt_length - 1
    return float(sum(logits[start + i, token] for i, token in enumerate(answer)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_is_scored_and_answered_as_each_row_alone(family: str, byte_tokenizer: Any) -> None:
    model = tiny_model(family)
    task = Classification(LABELS)
    renderer = Renderer(byte_tokenizer, task, max_tokens=400)
    prompts = rendered(renderer, examples())
    longest = max(len(renderer.label_ids(label)) for label in LABELS)
    engine = LocalEngine(model, renderer)
    for prompt, scores in zip(prompts, engine.score(prompts, [LABELS] * len(prompts)), strict=True):
        truth = {label: log_probability(model, prompt, renderer.label_ids(label)) for label in LABELS}
        assert scores.log_probability == pytest.approx(truth, abs=1e-3)
        assert scores.argmax == max(truth, key=truth.__getitem__)
        assert scores.constrained in LABELS
        assert scores.free == said_alone(model, renderer, prompt, limit=longest)
        assert isinstance(task.parse(scores.free), Unparsed), "a random model names no label"
    for prompt, completion in zip(prompts, engine.generate(prompts, max_new_tokens=9), strict=True):
        assert completion.text == said_alone(model, renderer, prompt, limit=9)
    assert engine.notices == []


def test_a_tuned_model_says_its_label_in_every_decoding_and_is_sure_of_it(byte_tokenizer: Any) -> None:
    model = tiny_model("qwen2", initializer_range=0.05)
    task = Classification(LABELS)
    renderer = Renderer(byte_tokenizer, task, max_tokens=400)
    lesson = renderer.render(Example("row", "国足一比零获胜", "体育新闻", "train.jsonl:1"))
    assert isinstance(lesson, Prompt)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    ids = torch.tensor([lesson.ids])
    targets = torch.where(torch.tensor([lesson.supervised]), ids, -100)
    for _ in range(60):
        model(input_ids=ids, labels=targets).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    engine = LocalEngine(model, renderer)
    (prompt,) = rendered(renderer, examples(TEXTS[:1]))
    (scores,) = engine.score([prompt], [LABELS])
    assert (scores.argmax, scores.constrained, scores.free) == ("体育新闻", "体育新闻", "体育新闻")
    assert scores.free_finished == "stop"
    assert scores.mass is not None
    assert scores.mass > 0.9
    assert scores.probabilities["体育新闻"] > 0.9
    (completion,) = engine.generate([prompt], max_new_tokens=40)
    assert task.parse(completion.text) == "体育新闻"
    assert completion.finished == "stop"
    assert completion.log_probability == pytest.approx(scores.log_probability["体育新闻"], abs=1e-3)
    (quick,) = engine.score([prompt], [LABELS], decodings=("argmax",))
    assert quick.argmax == "体育新闻"
    assert len(quick.log_probability) < len(LABELS), "a sure model proves its answer early"


def test_rows_with_options_of_their_own_are_scored_over_those(byte_tokenizer: Any) -> None:
    renderer = Renderer(byte_tokenizer, Classification(LABELS), max_tokens=400)
    options = [("财经", "体育"), ("体育新闻",), LABELS]
    rows = [Example(f"row {i}", "国足获胜", None, f"test:{i}", options=o) for i, o in enumerate(options)]
    engine = LocalEngine(tiny_model("llama"), renderer)
    for own, scores in zip(options, engine.score(rendered(renderer, rows), options), strict=True):
        assert tuple(scores.probabilities) == own
        assert math.isclose(sum(scores.probabilities.values()), 1.0, abs_tol=1e-6)


def test_the_real_tokenizer_on_real_headlines(qwen_tokenizer: Any) -> None:
    lines = (shared("data/tnews") / "test.jsonl").read_text("utf-8").split("\n")[:200:20]
    rows = [json.loads(line) for line in lines]
    known = (shared("data/tnews") / "train.jsonl").read_text("utf-8").split("\n")
    labels = tuple(sorted({json.loads(line)["label_desc"] for line in known if line}))
    renderer = Renderer(qwen_tokenizer, Classification(labels), max_tokens=384)
    model = tiny_model("qwen2", vocab_size=len(qwen_tokenizer), eos_token_id=None, pad_token_id=None)
    prompts = rendered(renderer, examples(tuple(row["sentence"] for row in rows)))
    engine = LocalEngine(model, renderer)
    for prompt, scores in zip(prompts, engine.score(prompts, [labels] * len(prompts)), strict=True):
        assert scores.error is None
        for label in (labels[0], labels[7], labels[-1]):
            truth = log_probability(model, prompt, renderer.label_ids(label))
            assert scores.log_probability[label] == pytest.approx(truth, abs=2e-3)
        assert scores.free == said_alone(model, renderer, prompt, limit=max(len(renderer.label_ids(a)) for a in labels))
