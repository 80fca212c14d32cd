"""A served model answers as a local one; whatever its server does, every row comes back, and none is paid for twice."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.endpoints import Cache
from finetrie.errors import ModelError
from finetrie.inference import DECODINGS, LocalEngine, ServedEngine
from finetrie.inference.abilities import Abilities
from finetrie.inference.served import DRAWS, NAMED_TOKENS
from finetrie.prompts import Renderer
from finetrie.records import Example, Prompt
from finetrie.tasks import task_from
from tests.unit.data.large_model import FakeTime, completion
from tests.unit.inference.fake_vllm import FakeVllm
from tests.unit.inference.world import STOP, model, prompt, prompts, words

LABELS = [(1, 2), (1, 3), (4,), (4, 5, 6), (7, 8)]
NAMES = tuple(" ".join(map(str, label)) for label in LABELS)
ROWS = [[9, 9, i, 3] for i in range(6)]
few = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


def server(**settings: Any) -> FakeVllm:
    return FakeVllm(model("qwen2"), words(LABELS), **settings)


def connected(fake: FakeVllm, **settings: Any) -> ServedEngine:
    client = fake.client(**settings.pop("client", {}))
    return ServedEngine.connect(client, fake.words, prompt([5, 6, 7]), NAMES, **settings)


def local() -> LocalEngine:
    return LocalEngine(model("qwen2"), words(LABELS))


label_sets = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=4).map(tuple), min_size=2, max_size=6, unique=True
)


@few
@given(labels=label_sets, rows=st.lists(st.lists(st.integers(0, 250), min_size=1, max_size=6), min_size=1, max_size=4))
def test_a_served_model_scores_as_a_local_one(labels: list[tuple[int, ...]], rows: list[list[int]]) -> None:
    spoken = words(labels)
    fake = FakeVllm(model("qwen2"), spoken)
    names = tuple(spoken.ids)
    asked = prompts(rows)
    engine = ServedEngine.connect(fake.client(), spoken, asked[0], names, tolerance=0.0)
    assert engine.decodings == DECODINGS
    served = list(engine.score(asked, [names] * len(asked)))
    expected = list(LocalEngine(model("qwen2"), spoken, share=False).score(asked, [names] * len(asked)))
    for one, truth in zip(served, expected, strict=True):
        assert (one.id, one.error) == (truth.id, None)
        assert (one.argmax, one.constrained, one.free) == (truth.argmax, truth.constrained, truth.free)
        assert one.free_finished == truth.free_finished
        assert one.probabilities == pytest.approx(truth.probabilities, abs=1e-5)
        assert one.log_probability == pytest.approx(truth.log_probability, abs=1e-3)
        assert (one.mass, one.undecided) == (pytest.approx(truth.mass, rel=1e-3), 0.0)


def test_a_served_model_generates_as_a_local_one() -> None:
    asked = prompts(ROWS)
    served = list(connected(server()).generate(asked, max_new_tokens=7))
    for one, truth in zip(served, local().generate(asked, max_new_tokens=7), strict=True):
        assert (one.id, one.text, one.token_ids, one.finished) == (
            truth.id,
            truth.text,
            truth.token_ids,
            truth.finished,
        )


def test_the_prompt_is_sent_as_its_tokens_and_nothing_else() -> None:
    fake = server()
    list(connected(fake).generate(prompts([[3, 1, 4, 1, 5]]), max_new_tokens=2))
    assert fake.asked[-1]["prompt"] == [3, 1, 4, 1, 5], "without the answer behind it"
    assert fake.asked[-1]["temperature"] == 0


def test_what_is_left_undecided_is_within_the_tolerance_and_costs_no_request() -> None:
    """A model that is nine parts in ten sure of each token: its greedy answer says enough about the other labels."""
    spoken = words([(i, i + 1, i + 2) for i in range(0, 60, 4)])
    names, path = tuple(spoken.ids), [8, 9, 10, STOP]

    def sure(body: dict[str, Any], nth: int) -> httpx.Response:
        place = len(body["prompt"]) - len(ROWS[0])
        said = path[place : place + body["max_tokens"]]
        unlikely = {f"token_id:{token}": math.log(0.1 / 200) for token in body["logprob_token_ids"]}
        top = [{**unlikely, f"token_id:{favoured}": math.log(0.9)} for favoured in said]
        return httpx.Response(200, json=text_completion("", token_ids=said, logprobs={"top_logprobs": top}))

    for tolerance, requests in ((0.05, 1), (0.0, 1 + 14 * 3)):
        fake = FakeVllm(model("qwen2"), spoken, trouble=sure)
        engine = ServedEngine(fake.client(), spoken, Abilities("completions", True, True, True), tolerance=tolerance)
        (one,) = engine.score(prompts(ROWS[:1]), [names], decodings=("argmax", "probabilities"))
        assert (one.argmax, len(fake.asked)) == ("8 9 10", requests)
        assert one.undecided <= tolerance
        assert one.log_probability["8 9 10"] == pytest.approx(4 * math.log(0.9))


def test_more_label_tokens_than_one_request_may_name_are_asked_in_parts() -> None:
    labels = [(i, (i * 7) % 250) for i in range(150)]
    spoken = words(labels)
    names = tuple(spoken.ids)
    fake = FakeVllm(model("qwen2"), spoken, holds_to_choice=False)
    engine = ServedEngine.connect(fake.client(), spoken, prompt([5]), names)
    (served,) = engine.score([prompt([1, 2])], [names], decodings=("constrained",))
    (truth,) = LocalEngine(model("qwen2"), spoken).score([prompt([1, 2])], [names], decodings=("constrained",))
    assert (served.constrained, served.error) == (truth.constrained, None)
    assert max(len(body.get("logprob_token_ids", ())) for body in fake.asked) == NAMED_TOKENS


def test_a_server_without_logprobs_gives_no_probabilities_and_says_so() -> None:
    engine = connected(server(names_tokens=False))
    assert engine.decodings == ("constrained", "free")
    assert "no argmax answers or probabilities" in engine.notices[0]
    (one,) = engine.score(prompts(ROWS[:1]), [NAMES])
    (truth,) = local().score(prompts(ROWS[:1]), [NAMES])
    assert (one.constrained, one.free) == (truth.constrained, truth.free)
    assert (one.argmax, one.probabilities, one.mass) == (None, {}, None)


def test_a_server_that_ignores_choices_is_found_out_and_the_trie_is_walked_instead() -> None:
    engine = connected(server(holds_to_choice=False))
    assert not engine.abilities.choice
    served = [one.constrained for one in engine.score(prompts(ROWS), [NAMES] * len(ROWS))]
    assert served == [one.constrained for one in local().score(prompts(ROWS), [NAMES] * len(ROWS))]


def test_a_server_that_can_do_neither_gives_free_answers_only() -> None:
    engine = connected(server(holds_to_choice=False, names_tokens=False))
    assert engine.decodings == ("free",)
    assert any("cannot be held to the labels" in notice for notice in engine.notices)


def test_a_server_with_another_tokenizer_is_not_sent_tokens() -> None:
    fake = server(trouble=lambda body, nth: httpx.Response(200, json=text_completion("something else")))
    with pytest.raises(ModelError, match=r"its tokenizer is not the run's(.|\n)*--route chat"):
        connected(fake, route="completions")


@pytest.mark.parametrize("name", ["tunde", "Tuned"])
def test_a_model_that_is_not_there_is_named_with_its_neighbours(name: str) -> None:
    with pytest.raises(ModelError, match=rf"no model '{name}', did you mean 'tuned'\? \(models: base, tuned\)"):
        connected(server(), client={"model": name})


def text_completion(text: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "finish_reason": "stop", **more}]}


TROUBLES = [
    pytest.param(httpx.Response(429, headers={"Retry-After": "2"}), id="429"),
    pytest.param(httpx.Response(500, text="oops"), id="500"),
    pytest.param(httpx.ReadTimeout("slow"), id="hang"),
    pytest.param(httpx.RemoteProtocolError("peer closed connection"), id="cut stream"),
    pytest.param(httpx.Response(200, text='{"choices": [{"text": "1'), id="cut JSON"),
    pytest.param(httpx.Response(200, json={"choices": []}), id="empty choices"),
    pytest.param(httpx.Response(200, json={"answer": 42}), id="wrong JSON"),
    pytest.param(httpx.Response(200, text="<html>busy</html>"), id="a web page"),
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_passing_trouble_changes_no_answer(trouble: Any) -> None:
    calm, shaken = server(), server()
    engine = connected(shaken)
    shaken.trouble = lambda body, nth: trouble if nth == 1 else None
    assert answers(engine) == answers(connected(calm))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_lasting_trouble_fails_its_row_and_no_other(trouble: Any) -> None:
    fake = server()
    engine = connected(fake, client={"tries": 2})
    fake.trouble = lambda body, nth: trouble if body["prompt"][:3] == [9, 9, 2] else None
    found = answers(engine)
    expected = answers(connected(server()))
    assert [row[0] for row in found] == [f"row {i}" for i in range(len(ROWS))]
    assert [index for index, row in enumerate(found) if row[1] is not None] == [2]
    assert found[2][2:] == (None, None)
    assert found[:2] + found[3:] == expected[:2] + expected[3:]
    (completion,) = (one for one in engine.generate(prompts(ROWS), max_new_tokens=3) if one.error)
    assert completion.id == "row 2"


def answers(engine: ServedEngine) -> list[tuple[Any, ...]]:
    scores = engine.score(prompts(ROWS), [NAMES] * len(ROWS), decodings=("free", "constrained"))
    return [(one.id, one.error, one.constrained, one.free) for one in scores]


def test_an_empty_answer_is_asked_for_again_a_few_times_only() -> None:
    fake = server()
    engine = connected(fake)
    fake.trouble = lambda body, nth: httpx.Response(200, json={"choices": []})
    before = len(fake.asked)
    (one,) = engine.generate(prompts(ROWS[:1]), max_new_tokens=3)
    assert one.error == f"{DRAWS} answers without a choice, or without what was asked for"
    assert len(fake.asked) - before == DRAWS


def test_nothing_is_paid_for_twice(tmp_path: Path) -> None:
    asked, labels = prompts(ROWS[:2]), [NAMES] * 2
    with Cache(tmp_path / "answers.sqlite") as cache:
        expected = [replace(one, seconds=0.0) for one in connected(server(), cache=cache).score(asked, labels)]
    with Cache(tmp_path / "answers.sqlite") as cache:
        second = server()
        engine = connected(second, cache=cache)
        probes = len(second.asked)
        assert [replace(one, seconds=0.0) for one in engine.score(asked, labels)] == expected
        assert len(second.asked) == probes


def test_what_failed_is_asked_again_and_only_that(tmp_path: Path) -> None:
    with Cache(tmp_path / "answers.sqlite") as cache:
        fake = server()
        engine = connected(fake, cache=cache, client={"tries": 1})
        fake.trouble = lambda body, nth: httpx.Response(503) if body["prompt"][:3] == [9, 9, 4] else None
        assert [row[1] is None for row in answers(engine)] == [True, True, True, True, False, True]
        fake.trouble = lambda body, nth: None
        before = len(fake.asked)
        assert all(row[1] is None for row in answers(engine))
        assert all(body["prompt"][:4] == ROWS[4] for body in fake.asked[before:])


def test_a_server_that_has_gone_ends_the_work() -> None:
    fake = server()
    engine = connected(fake, client={"tries": 1})
    fake.trouble = lambda body, nth: httpx.ConnectError("refused")
    rows = prompts([[1, 2, i] for i in range(100)])
    with pytest.raises(ModelError, match=r"requests in a row got no answer(.|\n)*answers are kept"):
        list(engine.generate(rows, max_new_tokens=2))
    assert len(fake.asked) < 60


def test_a_server_that_is_starting_is_waited_for() -> None:
    calls = []

    def starting(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(503) if len(calls) < 3 else httpx.Response(200, json={"data": [{"id": "other"}]})

    fake = server()
    client = fake.client(transport=lambda: httpx.MockTransport(starting))
    with pytest.raises(ModelError, match="models: other"):
        ServedEngine.connect(client, fake.words, prompt([5]), NAMES)
    assert calls == ["/v1/models"] * 3
    assert len(fake.time.slept) == 2


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_token_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        connected(server()).generate(prompts(ROWS), max_new_tokens=limit)


class Chats:
    """A server of chat completions only, which may hold its answers to choices."""

    def __init__(self, said: str, *, choices: bool) -> None:
        self.said, self.choices, self.asked = said, choices, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404)
        if not request.url.path.endswith("/chat/completions"):
            return httpx.Response(404, json={"error": {"message": "chat models only"}})
        body = json.loads(request.content)
        self.asked.append(body)
        choice = body.get("structured_outputs", {}).get("choice", [self.said])
        return httpx.Response(200, json=completion(choice[0] if self.choices else self.said))


def chat_engine(chats: Chats, renderer: Renderer, asked: Prompt) -> ServedEngine:
    fake = FakeVllm(None, words([]), time=FakeTime())
    client = fake.client(transport=lambda: httpx.MockTransport(chats))
    return ServedEngine.connect(client, renderer, asked, renderer.task.labels)


def test_a_chat_server_gets_the_renderers_messages_with_the_shortened_text(byte_tokenizer: Any) -> None:
    task = task_from({"kind": "classification", "labels": ["体育", "财经"]})
    renderer = Renderer(byte_tokenizer, task, max_tokens=200)
    asked = renderer.render(Example("1", "球" * 100, None, "a:1"), labelled=False)
    assert isinstance(asked, Prompt)
    assert asked.shortening is not None
    chats = Chats("财经", choices=True)
    engine = chat_engine(chats, renderer, asked)
    assert (engine.abilities.route, engine.abilities.choice) == ("chat", True)
    (one,) = engine.score([asked], [task.labels])
    assert (one.free, one.constrained, one.argmax) == ("财经", "财经", None)
    assert chats.asked[-1]["messages"] == task.messages(asked.text)
    assert len(asked.text) < 100


def test_a_chat_server_that_says_something_else_is_taken_at_its_word(byte_tokenizer: Any) -> None:
    task = task_from({"kind": "classification", "labels": ["体育", "财经"]})
    renderer = Renderer(byte_tokenizer, task, max_tokens=200)
    asked = renderer.render(Example("1", "球赛", None, "a:1"), labelled=False)
    assert isinstance(asked, Prompt)
    engine = chat_engine(Chats("我觉得是体育", choices=False), renderer, asked)
    assert engine.decodings == ("free",)
    (one,) = engine.score([asked], [task.labels])
    assert (one.free, one.error) == ("我觉得是体育", None)
