"""A server that speaks vLLM's dialect over a tiny model in this process, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import torch

from finetrie.endpoints import Client
from finetrie.inference import LocalEngine
from tests.unit.data.large_model import FakeTime
from tests.unit.inference.world import Words, greedy, prompt

Body = dict[str, Any]


@dataclass
class FakeVllm:
    """`trouble(body, nth)` may answer the nth request of its kind in place of the model."""

    model: Any
    words: Words
    trouble: Callable[[Body, int], httpx.Response | Exception | None] = lambda body, nth: None
    reads_tokens: bool = True
    names_tokens: bool = True  # tells token ids and logprobs
    holds_to_choice: bool = True
    time: FakeTime = field(default_factory=FakeTime)
    asked: list[Body] = field(default_factory=list)
    counts: Counter[bytes] = field(default_factory=Counter)

    def client(self, model: str = "tuned", **settings: Any) -> Client:
        transport = settings.pop("transport", lambda: httpx.MockTransport(self._handle))
        return Client("http://vllm.test/v1", model, transport=transport, clock=self.time.clock, **settings)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "base"}, {"id": "tuned"}]})
        body = json.loads(request.content)
        self.asked.append(body)
        self.counts[request.content] += 1
        for _ in range(len(self.asked) % 3):  # answers come out of order
            await asyncio.sleep(0)
        reply = self.trouble(body, self.counts[request.content])
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        if request.url.path != "/v1/completions" or not self.reads_tokens:
            return httpx.Response(404, json={"error": {"message": "not found"}})
        return httpx.Response(200, json=self._completion(body))

    def _completion(self, body: Body) -> Body:
        ids = body["prompt"]
        choice = (body.get("structured_outputs") or {}).get("choice") if self.holds_to_choice else None
        if choice:
            engine = LocalEngine(self.model, self.words)
            (scores,) = engine.score([prompt(ids)], [choice], decodings=("constrained",))
            said = list(self.words.label_ids(str(scores.constrained)))
        else:
            said = greedy(self.model, ids, limit=body["max_tokens"])
            stops = {*body.get("stop_token_ids", ()), *self.words.stop_ids}
            said = said[: next((i + 1 for i, token in enumerate(said) if token in stops), len(said))]
        text = self.words.completion(said)
        answer: Body = {
            "index": 0,
            "text": text,
            "finish_reason": "length" if len(said) == body["max_tokens"] else "stop",
        }
        if body.get("echo"):
            answer["text"] = self.words.completion(ids) + text
        if self.names_tokens and body.get("return_token_ids"):
            answer["token_ids"] = said
        if self.names_tokens and body.get("logprob_token_ids"):
            answer["logprobs"] = {"top_logprobs": self._logprobs(ids, said, body["logprob_token_ids"])}
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(said)}
        return {"model": body["model"], "choices": [answer], "usage": usage}

    @torch.no_grad()
    def _logprobs(self, ids: list[int], said: list[int], named: list[int]) -> list[dict[str, float]]:
        assert len(named) <= 128, "vLLM names no more at once"
        logits = self.model(input_ids=torch.tensor([[*ids, *said]])).logits[0].double().log_softmax(-1)
        places = range(len(ids) - 1, len(ids) + len(said) - 1)
        return [
            {f"token_id:{token}": float(logits[place, token]) for token in {*named, said[index]}}
            for index, place in enumerate(places)
        ]
