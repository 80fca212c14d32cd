"""The HTTP application: what the engine says comes back in OpenAI's shape, and nothing is ignored silently."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import httpx
import pytest

from finetrie.inference.engine import DECODINGS, Completion, Decoding, LabelScores
from finetrie.prompts import Renderer
from finetrie.records import Prompt
from finetrie.serving import Served, app
from finetrie.serving.batching import Batches
from finetrie.tasks import task_from
from tests.unit.prompts import families

LABELS = ("体育", "财经")
TOKENIZER = families.tokenizer("chatml")


class Scripted:
    """An engine that says what a test tells it, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[Prompt]] = []
        self.problem: str | None = None
        self.crash: Exception | None = None

    def score(
        self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]], *, decodings: Collection[Decoding] = DECODINGS
    ) -> Iterator[LabelScores]:
        self.batches.append(list(prompts))
        if self.crash:
            raise self.crash
        for prompt, own in zip(prompts, labels, strict=True):
            last = own[-1]
            shares = {label: 0.75 if label == last else 0.25 / max(1, len(own) - 1) for label in own}
            yield LabelScores(prompt.id, last, last, probabilities=shares, error=self.problem)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Iterator[Completion]:
        self.batches.append(list(prompts))
        for prompt in prompts:
            ids = prompt.prompt_ids[:max_new_tokens]
            yield Completion(prompt.id, "said", tuple(ids), "length", error=self.problem)


def served(engine: Scripted, kind: str = "classification", **task: Any) -> Served:
    labels = {} if kind == "instruction" else {"labels": LABELS}
    made = task_from({"kind": kind, **labels, **task})
    renderer = Renderer(TOKENIZER, made, max_tokens=600, reserve=None if made.closed else 20)
    return Served("news", engine, renderer, limit=7, context=800)


def ask(one: Served, *requests: tuple[str, Any]) -> list[httpx.Response]:
    """Requests side by side."""

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app(one))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return list(await asyncio.gather(*(client.post(path, json=body) for path, body in requests)))

    return asyncio.run(asked())


def chat(**more: Any) -> tuple[str, Any]:
    return "/v1/chat/completions", {"model": "news", "messages": [{"role": "user", "content": "球赛"}], **more}


def complete(**more: Any) -> tuple[str, Any]:
    return "/v1/completions", {"model": "news", **more}


def test_a_chat_is_answered_with_the_words_of_the_most_probable_label() -> None:
    (response,) = ask(served(Scripted(), names={"财经": "财经新闻"}), chat(temperature=0))
    body = response.json()
    assert (response.status_code, body["object"], body["model"]) == (200, "chat.completion", "news")
    assert body["choices"][0]["message"]["content"] == "财经新闻"
    assert body["choices"][0]["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > usage["completion_tokens"] > 0


def test_logprobs_are_those_of_the_labels() -> None:
    (response,) = ask(served(Scripted()), chat(logprobs=True, top_logprobs=2))
    (told,) = response.json()["choices"][0]["logprobs"]["content"]
    assert (told["token"], told["logprob"]) == ("财经", pytest.approx(math.log(0.75)))
    assert [one["token"] for one in told["top_logprobs"]] == ["财经", "体育"]


def test_a_choice_narrows_the_labels() -> None:
    for question in (chat, lambda **more: complete(prompt=[1, 2], **more)):
        (response,) = ask(served(Scripted()), question(structured_outputs={"choice": ["体育"]}))
        choice = response.json()["choices"][0]
        assert choice.get("text", choice.get("message", {}).get("content")) == "体育"


@pytest.mark.parametrize("kind", ["ner", "instruction"])
def test_other_tasks_are_answered_with_what_is_generated(kind: str) -> None:
    (response,) = ask(served(Scripted(), kind), chat(max_tokens=3))
    choice = response.json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("said", "length")
    assert response.json()["usage"]["completion_tokens"] == 3


def test_a_completion_goes_on_from_the_tokens_it_is_given() -> None:
    engine = Scripted()
    (response,) = ask(served(engine), complete(prompt=[65, 66, 67], max_tokens=2, return_token_ids=True, echo=True))
    choice = response.json()["choices"][0]
    assert engine.batches[0][0].prompt_ids == (65, 66, 67)
    assert choice["token_ids"] == [65, 66]
    assert choice["text"] == TOKENIZER.decode([65, 66, 67]) + "said"


REFUSED = [
    (chat(temperature=0.5), "leave it out or set it to 0"),
    (chat(stream=True), "answers come in one piece"),
    (chat(n=3), "n: only 1"),
    (chat(top_p=0.9), "top_p: only 1"),
    (chat(toools=[]), "toools: not possible here"),
    (chat(max_tokenss=3), "did you mean 'max_tokens'"),
    (chat(messages=[]), "messages"),
    (chat(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), "messages.0"),
    (chat(structured_outputs={"choice": ["娱乐"]}), "'娱乐' is not one of the labels (体育, 财经)"),
    (complete(prompt=[10**9]), "no token has the number"),
    (complete(prompt=[-1]), "no token has the number"),
    (complete(prompt=[]), "holds no token"),
    (complete(prompt=[1] * 900), "the prompt has 900 tokens, the model sees 800"),
    (complete(prompt=[1], stop_token_ids=[5]), "stops at"),
    (complete(prompt=[1], logprobs=3), "logprobs: not possible here"),
    (("/v1/chat/completions", []), "must be a JSON object"),
]


@pytest.mark.parametrize(("request_", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_cannot_be_done_is_refused_with_its_reason(request_: Any, reason: str) -> None:
    engine = Scripted()
    (response,) = ask(served(engine), request_)
    assert response.status_code == 400
    assert reason in response.json()["error"]["message"]
    assert engine.batches == []


def test_another_model_is_not_found() -> None:
    (response,) = ask(served(Scripted()), chat(model="other"))
    assert response.status_code == 404
    assert "no model 'other'; it is 'news'" in response.json()["error"]["message"]


def test_a_row_that_fails_is_an_error_of_the_server() -> None:
    engine = Scripted()
    engine.problem = "out of memory, as it were"
    for question in (chat(), complete(prompt=[1]), complete(prompt=[1], structured_outputs={"choice": ["体育"]})):
        (response,) = ask(served(engine), question)
        assert (response.status_code, response.json()["error"]["message"]) == (500, engine.problem)


def test_requests_that_come_together_are_answered_together_each_with_its_own() -> None:
    class Waits(Scripted):
        """The first batch is held until all the others have come."""

        first = threading.Event()

        def score(self, *arguments: Any, **more: Any) -> Iterator[LabelScores]:
            self.first.wait(30)
            return super().score(*arguments, **more)

    engine = Waits()
    batches = Batches(engine, window=0.0)
    prompts = [Prompt(str(i), "t", (i + 1,), 1, (False,), "") for i in range(20)]
    waiting = [batches.score(one, LABELS[: 1 + i % 2], ("argmax",)) for i, one in enumerate(prompts)]
    engine.first.set()
    answers = [one.result(30) for one in waiting]
    assert [one.id for one in answers] == [str(i) for i in range(20)]
    assert [one.argmax for one in answers] == [LABELS[i % 2] for i in range(20)]
    assert len(engine.batches) < 20
    batches.close()


def test_an_engine_that_crashes_fails_its_batch_and_goes_on() -> None:
    engine = Scripted()
    batches = Batches(engine)
    prompt = Prompt("1", "t", (1,), 1, (False,), "")
    engine.crash = RuntimeError("as it were")
    with pytest.raises(RuntimeError, match="as it were"):
        batches.score(prompt, LABELS, ("argmax",)).result(30)
    engine.crash = None
    assert batches.score(prompt, LABELS, ("argmax",)).result(30).argmax == "财经"
    batches.close()
