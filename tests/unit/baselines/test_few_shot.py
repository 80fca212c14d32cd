"""Examples before the question: where they stand, which they are, and what happens when they do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finetrie.baselines import baseline_from
from finetrie.records import Example, Prompt
from finetrie.trie import common_prefix
from tests.unit.baselines.rows import asker_of, classification, classified, ner


def fitted(tokenizer: Any, *, max_tokens: int = 1024, **settings: Any) -> Any:
    task = classification()
    asker = asker_of(tokenizer, task, max_tokens=max_tokens)
    return baseline_from({"name": "few_shot", **settings}).fit(classified(), dev=(), task=task, seed=0, asker=asker)


def asked(shown: Any, row: Example) -> str:
    """The prompt of a row, as text."""
    [few] = shown._fitting([row], shown.pick([row]))
    prompt = shown.renderer.render(shown._with(row, few), labelled=False)
    assert isinstance(prompt, Prompt)
    return str(shown.renderer.tokenizer.decode(prompt.prompt_ids))


def test_examples_are_turns_between_the_instruction_and_the_question(byte_tokenizer: Any) -> None:
    shown, row = fitted(byte_tokenizer, k=2), classified("test", each=1)[0]
    first, second = reversed(shown.pick.examples)
    turn = "<|im_start|>user\n{0.text}<|im_end|>\n<|im_start|>assistant\n{0.target}<|im_end|>\n"
    said = asked(shown, row)
    assert said.startswith("<|im_start|>system\n")
    assert said.count("<|im_start|>system\n") == 1
    assert said.endswith(
        turn.format(first) + turn.format(second) + f"<|im_start|>user\n{row.text}<|im_end|>\n<|im_start|>assistant\n"
    )


def test_random_examples_are_the_same_for_all_rows_so_that_prompts_begin_alike(byte_tokenizer: Any) -> None:
    shown, rows = fitted(byte_tokenizer, k=3), classified("test", each=2)
    prompts = [shown.renderer.render(shown._with(row, shown.pick([row])[0]), labelled=False) for row in rows]
    shared = common_prefix([prompt.prompt_ids for prompt in prompts])
    whole = byte_tokenizer.decode(prompts[0].prompt_ids[:shared])
    assert all(example.text in whole for example in shown.pick.examples)


def test_random_examples_show_every_label_before_any_twice(byte_tokenizer: Any) -> None:
    shown = fitted(byte_tokenizer, k=3)
    assert {example.target for example in shown.pick.examples} == {"体育", "财经", "科技"}
    more = fitted(byte_tokenizer, k=5)
    assert more.pick.examples[:3] == shown.pick.examples


def test_the_nearest_example_stands_last(byte_tokenizer: Any) -> None:
    shown, row = fitted(byte_tokenizer, k=3, choose="nearest"), classified()[4]
    assert shown.pick([row])[0][0] == row  # itself is most alike
    said = asked(shown, replace(row, id="other"))
    assert said.count(row.text) == 2
    assert said.index(row.text) > max(said.index(example.text) for example in shown.pick([row])[0][1:])


def test_examples_that_do_not_fit_are_left_out_and_the_text_stays_whole(byte_tokenizer: Any) -> None:
    rows = [Example(str(n), "长" * n, "体育", f"t:{n}") for n in (5, 60, 120, 400)]
    shown = fitted(byte_tokenizer, max_tokens=900, k=3)
    said = list(shown.predict(rows))
    counts = [len(one.details["examples"]) for one in said]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 0
    assert [one.details.get("examples_left_out", 0) for one in said] == [3 - count for count in counts]
    for row in rows[:3]:
        assert row.text in asked(shown, row)
    assert said[-1].outcome is None  # longer than the budget by itself: shortened, as it is without examples


@pytest.mark.parametrize("choose", ["random", "nearest"])
def test_every_row_is_answered_and_says_what_it_was_shown(choose: str, byte_tokenizer: Any) -> None:
    rows = classified("test", each=2)
    said = list(fitted(byte_tokenizer, k=2, choose=choose).predict(rows))
    known = {row.id for row in classified()}
    assert [len(set(one.details["examples"]) & known) for one in said] == [2] * len(rows)


def test_entities_are_shown_as_the_model_should_say_them(byte_tokenizer: Any) -> None:
    from finetrie.records import Span

    task, row = ner(), Example("1", "王小明来了", (Span(0, 3, "PER"),), "f:1")
    few = baseline_from({"name": "few_shot", "k": 1})
    shown = few.fit([row], dev=(), task=task, seed=0, asker=asker_of(byte_tokenizer, task))
    assert '{"entity_text": "王小明", "entity_label": "人名"}<|im_end|>' in asked(
        shown, Example("2", "李四", None, "t:2")
    )
