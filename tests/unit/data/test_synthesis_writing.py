"""Rows in, written rows out: one outcome each, in order, the same however the answers come, paid for once."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.data.synthesis import Budget, Cache, Label, Paraphrase, Question, Tally, stream, write
from finetrie.data.synthesis.writing import ROWS_AHEAD
from finetrie.errors import ConfigError, OutputError
from finetrie.files import json_line, text_hash
from finetrie.records import Example, Rejection
from tests.unit.data.large_model import (
    ANSWER_TOKENS,
    PROMPT_TOKENS,
    Body,
    FakeModel,
    always,
    asked,
    completion,
    in_turn,
    rules,
    texts,
)

LABELS = ("体育", "财经")
RECIPE = Label(labels=LABELS)
COST = PROMPT_TOKENS + ANSWER_TOKENS


def moody(body: Body, nth: int) -> Any:
    """A server whose every request goes wrong or right by its own dice, always the same."""
    dice = int(text_hash(json.dumps(body))[:8], 16) % 12
    if nth == 1 and dice < 4:
        return (httpx.Response(429), httpx.Response(500), httpx.ReadTimeout(""), httpx.Response(200, text='{"cho'))[
            dice
        ]
    if dice == 4:
        return httpx.Response(400, json={"error": "too long"})
    return {5: completion(None), 6: {"choices": []}, 7: "不知道", 8: completion("体", finish="length")}.get(
        dice, LABELS[dice % 2]
    )


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 40))
def test_the_result_does_not_depend_on_what_runs_side_by_side(concurrency: int, draws: int, count: int) -> None:
    rows = texts(*map(str, range(count)))
    results = list(write(rows, RECIPE, FakeModel(moody).client(concurrency=concurrency), draws=draws))
    assert [written.source for written in results] == rows
    assert results == list(write(rows, RECIPE, FakeModel(moody).client(concurrency=1), draws=draws))


def test_a_label_is_written_with_where_it_comes_from() -> None:
    (written,) = write(texts("球赛"), RECIPE, always(completion("体育", reasoning_content="有球")).client())
    expected = Example(id="a.jsonl:1", text="球赛", target="体育", origin="a.jsonl:1", reasoning="有球")
    assert written.result == expected
    assert written.reasoning == "有球"
    source = written.provenance
    assert (source.recipe, source.model, source.served, source.host) == ("label", "large", "large-2026", "llm.test")
    assert (source.prompt, source.answers, source.prompt_tokens, source.answer_tokens) == (RECIPE.prompt.hash, 1, 30, 5)
    assert len(source.request or "") == 64
    assert json.loads(json_line(written))["provenance"]["host"] == "llm.test"


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        pytest.param("娱乐", "out_of_label_set", id="another label"),
        pytest.param("这是体育", "out_of_label_set", id="a sentence"),
        pytest.param("  ", "empty", id="blank"),
        pytest.param(completion(None), "empty", id="content null"),
        pytest.param({"choices": []}, "empty", id="no choices"),
        pytest.param({"choices": [None]}, "empty", id="a choice that is none"),
        pytest.param({"choices": [{"message": "体育"}]}, "empty", id="a message that is none"),
        pytest.param(completion(7), "empty", id="a number"),
        pytest.param(completion("体育", finish="length"), "cut_off", id="cut at max_tokens"),
        pytest.param(completion("体育", finish="content_filter"), "content_filter", id="held back"),
        pytest.param(completion("体育\ud83d"), "half_character", id="half a character"),
        pytest.param(completion("<think>体育"), "empty", id="only thoughts"),
    ],
)
def test_an_answer_that_is_none_is_asked_for_again_and_kept(tmp_path: Path, reply: Any, rule: str) -> None:
    model = in_turn(reply, "财经")
    with Cache(tmp_path / "a.sqlite") as cache:
        (written,) = write(texts("股票"), RECIPE, model.client(), cache=cache)
        assert isinstance(written.result, Example)
        assert written.result.target == "财经"
        assert [refused.rule for refused in written.refused] == [rule]
        assert [body["seed"] for body in model.requests] == [0, 1]
        assert len(cache) == 2, "a refused answer is paid for as well"
        assert model.time.slept == []


def test_a_row_whose_answers_are_all_refused_is_rejected_with_all_of_them() -> None:
    model = in_turn("娱乐", "科技", "\ud83d 军事")
    (written,) = write(texts("股票"), RECIPE, model.client(), draws=3)
    assert isinstance(written.result, Rejection)
    assert written.result.rule == "answer_refused"
    assert written.result.origin == "a.jsonl:1"
    assert [answer["answer"] for answer in written.result.row["answers"]] == ["娱乐", "科技", "\\ud83d 军事"]
    assert "none of 3 answers" in written.result.reason
    json_line(written)


def test_the_same_rows_again_are_answered_from_the_cache(tmp_path: Path) -> None:
    rows = texts(*map(str, range(50)))
    model = FakeModel(moody)
    with Cache(tmp_path / "a.sqlite") as cache:
        first = list(write(rows, RECIPE, model.client(), cache=cache))
    paid = len(model.requests)
    with Cache(tmp_path / "a.sqlite") as cache:
        second = list(write(rows, RECIPE, model.client(), cache=cache))
    assert second == first
    declined = rules(first).count("request_declined")
    assert len(model.requests) == paid + declined, "only what was never answered is asked again"
    assert all(w.from_cache == w.provenance.answers for w in second)


def test_rows_that_ask_the_same_are_paid_for_once() -> None:
    model = always("体育")
    results = list(write(texts(*["球赛"] * 20), RECIPE, model.client()))
    assert rules(results) == ["written"] * 20
    assert len(model.requests) == 1
    assert sum(written.from_cache for written in results) == 19


def test_more_draws_later_use_the_answers_already_paid_for(tmp_path: Path) -> None:
    rows, model = texts("一二三四五六七八九十"), always("同一句话换一种说法来讲")
    with Cache(tmp_path / "a.sqlite") as cache:
        list(write(rows, Paraphrase(), model.client(), cache=cache, draws=2, variants=2))
        assert len(model.requests) == 3
        list(write(rows, Paraphrase(), model.client(), cache=cache, draws=3, variants=2))
        assert len(model.requests) == 4


@pytest.mark.parametrize("answers", [0, 1, 11, 23, 50])
@pytest.mark.parametrize("concurrency", [1, 5])
def test_a_budget_is_never_exceeded_and_every_row_says_so(concurrency: int, answers: int) -> None:
    """What is written is the beginning of the data, as far as the budget reaches."""
    rows, model = texts(*(f"{i:03}" for i in range(100))), always("体育")
    most = model.client().request(RECIPE.messages(rows[0]), RECIPE.parameters, 0).most_tokens
    budget = Budget(most + (answers - 1) * COST)
    results = list(write(rows, RECIPE, model.client(concurrency=concurrency), budget=budget))
    assert [written.source for written in results] == rows
    assert rules(results) == ["written"] * answers + ["over_budget"] * (100 - answers)
    assert budget.spent == answers * COST <= budget.tokens
    assert (budget.reserved, budget.closed) == (0, True)
    assert len(model.requests) == answers
    assert "budget of" in results[-1].result.reason


def test_a_row_too_large_for_the_budget_ends_it_so_that_short_texts_are_not_preferred() -> None:
    model = always("体育")
    results = list(write(texts("短", "长" * 1000, "短文"), RECIPE, model.client(), budget=Budget(2000)))
    assert rules(results) == ["written", "over_budget", "over_budget"]


def test_an_answer_that_cannot_be_kept_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not on disk would be paid for again."""

    def full(cache: Cache, request: str, answer: Any) -> None:
        raise OutputError("answers.sqlite: cannot keep answers here: disk is full")

    monkeypatch.setattr(Cache, "put", full)
    model = always("体育")
    with pytest.raises(OutputError, match="disk is full"):
        list(write(texts(*map(str, range(100))), RECIPE, model.client(concurrency=2)))
    assert len(model.requests) <= 2


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(tmp_path: Path) -> None:
    rows, model = texts(*map(str, range(60))), FakeModel(moody)
    with Cache(tmp_path / "a.sqlite") as cache:
        list(write(rows, RECIPE, model.client(), cache=cache, budget=Budget(2000)))
        list(write(rows, RECIPE, model.client(), cache=cache, budget=Budget(3000)))
        budget = Budget(10**6)
        finished = list(write(rows, RECIPE, model.client(), cache=cache, budget=budget))
        answers = len(cache)
    unlimited, alone = Budget(10**6), FakeModel(moody)
    assert finished == list(write(rows, RECIPE, alone.client(), budget=unlimited))
    assert budget.spent == unlimited.spent, "the same work costs the same, interrupted or not"
    assert answers == sum(written.provenance.answers for written in finished)


def test_a_budget_that_is_closed_still_uses_what_is_paid_for(tmp_path: Path) -> None:
    rows, model = texts("一", "二"), always("体育")
    with Cache(tmp_path / "a.sqlite") as cache:
        list(write(rows[1:], RECIPE, model.client(), cache=cache))
        results = list(write(rows, RECIPE, model.client(), cache=cache, budget=Budget(10)))
    assert rules(results) == ["over_budget", "written"]


def test_an_answer_without_usage_counts_with_the_most_it_can_have_been() -> None:
    budget = Budget(10**6)
    model = always({"choices": [{"message": {"content": "体育"}}]})
    list(write(texts("a"), RECIPE, model.client(), budget=budget))
    assert budget.spent == model.client().request(RECIPE.messages(texts("a")[0]), RECIPE.parameters, 0).most_tokens


def test_a_failed_request_gives_its_share_of_the_budget_back() -> None:
    budget = Budget(10**6)
    list(write(texts("a"), RECIPE, always(httpx.Response(500)).client(), budget=budget))
    assert (budget.spent, budget.reserved) == (0, 0)


def test_variants_stand_beside_their_source_and_differ() -> None:
    said = ["今天的天气真的很好", "今天的天气真的很好", "天气今天特别不错啊", "难得的好天气就在今天"]
    rows = texts("今天天气很好很好", target="生活")
    results = list(write(rows, Paraphrase(), in_turn(*said).client(), variants=3))
    assert [written.result.text for written in results] == [said[0], said[2], said[3]]
    assert [written.result.id for written in results] == [f"a.jsonl:1#paraphrase-{i}" for i in (1, 2, 3)]
    assert [written.result.origin for written in results] == [written.result.id for written in results]
    assert {written.result.target for written in results} == {"生活"}
    assert [refused.rule for refused in results[1].refused] == ["repeated"]
    assert [written.provenance.variant for written in results] == [0, 1, 2]


def test_a_row_that_cannot_be_asked_about_costs_nothing() -> None:
    rows = [*texts(" "), *texts("球赛", target="体育"), *texts("股票")]
    model = always("财经")
    results = list(write(rows, RECIPE, model.client()))
    assert rules(results) == ["empty_text", "already_labelled", "written"]
    assert len(model.requests) == 1
    assert results[0].provenance.request is None


def test_a_million_rows_are_not_held_in_memory() -> None:
    begun = 0

    def rows() -> Iterator[Example]:
        nonlocal begun
        for row in texts(*map(str, range(500))):
            begun += 1
            yield row

    model = always("体育")
    for used, _ in enumerate(write(rows(), RECIPE, model.client(concurrency=2)), start=1):
        assert begun <= used + ROWS_AHEAD * 2
    assert begun == used == 500


def test_leaving_early_ends_everything() -> None:
    model = always("体育")
    results = write(texts(*map(str, range(1000))), RECIPE, model.client())
    assert next(results).result.target == "体育"
    results.close()
    assert len(model.requests) < 1000
    assert model.under_way == 0


def test_an_interrupt_while_waiting_ends_everything() -> None:
    def reply(body: Body, nth: int) -> str:
        if asked(body) == "20":
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return "体育"

    model = FakeModel(reply)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may ignore the signal
    try:
        with pytest.raises(KeyboardInterrupt):
            list(write(texts(*map(str, range(5000))), RECIPE, model.client()))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(model.requests) < 5000
    assert model.under_way == 0
    assert "finetrie-write" not in {thread.name for thread in threading.enumerate()}


def test_it_works_where_a_loop_is_running_already_as_in_a_notebook() -> None:
    async def cell() -> list[str]:
        model = always("体育")
        return [*rules(list(write(texts("a", "b"), RECIPE, model.client())))]

    assert asyncio.run(cell()) == ["written", "written"]


def test_the_asynchronous_form_gives_the_same() -> None:
    async def collected() -> list[Any]:
        return [written async for written in stream(rows, RECIPE, FakeModel(moody).client())]

    rows = texts(*map(str, range(30)))
    assert asyncio.run(collected()) == list(write(rows, RECIPE, FakeModel(moody).client()))


def test_no_rows_are_no_trouble() -> None:
    assert list(write([], RECIPE, always("体育").client())) == []


@pytest.mark.parametrize(
    ("recipe", "settings", "complaint"),
    [
        (RECIPE, {"variants": 2}, "variants: expected 1 for 'label', got 2"),
        (Question(), {"variants": 0}, "variants: expected at least 1, got 0"),
        (RECIPE, {"draws": 0}, "draws: expected 1 to 999, got 0"),
        (RECIPE, {"draws": 1000}, "draws: expected 1 to 999, got 1000"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_at_once(recipe: Any, settings: dict[str, int], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        write(texts("a"), recipe, always("体育").client(), **settings)


def test_thoughts_are_kept_apart_from_the_answer() -> None:
    for reply in (
        "<think>\n有球\n</think>\n\n体育",
        "有球</think>体育",
        completion("体育", reasoning="有球"),
        completion([{"type": "text", "text": "体"}, {"type": "text", "text": "育"}], reasoning_content="有球"),
    ):
        (written,) = write(texts("球赛"), RECIPE, always(reply).client())
        assert (written.result.target, written.reasoning) == ("体育", "有球")


def test_a_tally_says_how_far_it_got() -> None:
    tally = Tally()
    model = FakeModel(lambda body, nth: httpx.Response(400) if asked(body) == "坏" else "体育")
    for written in write([*texts("好", "坏", "好"), *texts("", target="x")], RECIPE, model.client(concurrency=1)):
        tally.add(written)
    assert str(tally) == (
        "2 of 4 rows written (request_declined 1, empty_text 1); 2 answers, 1 of them from the cache; 70 tokens"
    )
