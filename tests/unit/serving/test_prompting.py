"""However a program asks, the prompt has the bytes of training."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.prompts import Renderer
from finetrie.records import Example, Message, Prompt, Rejection
from finetrie.serving.prompting import prompt_for
from finetrie.tasks import task_from
from tests.unit.prompts import families

LABELS = ["体育", "财经"]
TASKS = {
    "classification": {"kind": "classification", "labels": LABELS},
    "fudan": {"kind": "classification", "labels": LABELS, "wording": "fudan_news"},
    "ner": {"kind": "ner", "labels": ["PER", "GPE"]},
    "instruction": {"kind": "instruction", "instruction": "翻译成英文"},
    "free": {"kind": "instruction"},
}


def renderer(name: str) -> Renderer:
    task = task_from(TASKS[name])
    return Renderer(families.tokenizer("chatml"), task, max_tokens=600, reserve=None if task.closed else 20)


def trained(made: Renderer, text: str, **more: Any) -> tuple[int, ...]:
    """The prompt's tokens as training has them."""
    rendered = made.render(Example("1", text, None, "a:1", **more), labelled=False)
    assert isinstance(rendered, Prompt)
    return rendered.prompt_ids


def served(made: Renderer, messages: list[Message], clean: Any = lambda text: text) -> tuple[int, ...]:
    prompt = prompt_for(messages, made, clean=clean)
    assert isinstance(prompt, Prompt), prompt
    return prompt.prompt_ids


def user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


texts = st.text(st.sampled_from("球赛a \n,类型选型:<|eot|>") | st.characters(codec="utf-8"), min_size=1, max_size=30)


@pytest.mark.parametrize("name", TASKS)
@given(text=texts)
def test_a_text_alone_and_the_prompt_written_out_have_the_bytes_of_training(name: str, text: str) -> None:
    made = renderer(name)
    assert served(made, made.task.messages(text)) == trained(made, text)
    assert served(made, user(text)) == trained(made, text)


@given(text=st.text("球赛", min_size=300, max_size=400))
def test_a_long_text_is_shortened_as_in_training(text: str) -> None:
    made = renderer("classification")
    assert served(made, made.task.messages(text)) == served(made, user(text)) == trained(made, text)
    assert len(trained(made, text)) <= 600


@pytest.mark.parametrize("name", TASKS)
def test_a_text_alone_is_cleaned_as_the_runs_rows_are(name: str) -> None:
    made = renderer(name)
    assert served(made, user("a<br>b"), clean=lambda text: text.replace("<br>", " ")) == trained(made, "a b")


def test_a_rows_own_candidates_are_asked_as_in_training() -> None:
    made = renderer("fudan")
    own = made.task.messages("球赛", options=["财经", "体育"])
    assert served(made, own) == trained(made, "球赛", options=("财经", "体育")) != trained(made, "球赛")


def test_earlier_turns_are_asked_as_in_training() -> None:
    made = renderer("free")
    history = [*user("你好"), {"role": "assistant", "content": "你好！"}]
    assert served(made, [*history, *user("再见")]) == trained(made, "再见", history=tuple(history))


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        pytest.param([{"role": "assistant", "content": "我先说"}], "bad_conversation", id="no question"),
        pytest.param([*user("a"), *user("b" * 4000)], "prompt_too_long", id="too long"),
        pytest.param([*user("a"), *user("\ud800")], "bad_characters", id="half a character"),
    ],
)
def test_what_cannot_be_asked_says_why(messages: list[Message], rule: str) -> None:
    refused = prompt_for(messages, renderer("free"), clean=lambda text: text)
    assert isinstance(refused, Rejection)
    assert refused.rule == rule
