"""The HTTP application: OpenAI's chat completions and completions over one engine and one renderer.

A chat is answered by the run's task: a label, always a valid one, or entities, or free text. A completion goes on from
a prompt greedily, as a plain model server would, or is held to some labels.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from finetrie.inference.engine import Engine, LabelScores
from finetrie.prompts import Renderer
from finetrie.records import Prompt, Rejection
from finetrie.serving.batching import Batches
from finetrie.serving.prompting import prompt_for
from finetrie.serving.requests import Asked, BadRequest, ChatAsked, PromptAsked, read


@dataclass(frozen=True)
class Served:
    """A model that is served, and what its answers may be."""

    name: str
    engine: Engine
    renderer: Renderer
    limit: int  # most tokens of a generated answer, unless the request says
    context: int  # most tokens the model can see, prompt and answer together
    clean: Callable[[str], str] = lambda text: text  # prepares a text as the run's rows were


@dataclass(frozen=True)
class _Answer:
    """One choice of a response."""

    text: str
    finish: str
    ids: tuple[int, ...]  # the end token included
    prompt: Prompt
    logprobs: dict[str, Any] | None = None

    @property
    def usage(self) -> dict[str, int]:
        asked, said = self.prompt.prompt_length, len(self.ids)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def app(served: Served) -> Starlette:
    """An application that answers for one model; its requests are batched, so concurrent ones share their prefix."""
    batches = Batches(served.engine)
    answering = _Answering(served, batches)
    created = int(time.time())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(batches.close)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "model": served.name})

    async def models(_: Request) -> Response:
        model = {"id": served.name, "object": "model", "created": created, "owned_by": "finetrie"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat(request: Request) -> Response:
        asked = read(ChatAsked, await _body(request))
        answer = await answering.chat(asked)
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": answer.logprobs}
        return _response("chat.completion", "chatcmpl", served, choice, answer)

    async def completions(request: Request) -> Response:
        asked = read(PromptAsked, await _body(request))
        answer = await answering.completion(asked)
        choice: dict[str, Any] = {"index": 0, "text": answer.text, "finish_reason": answer.finish, "logprobs": None}
        if asked.echo:
            choice["text"] = served.renderer.tokenizer.decode(answer.prompt.prompt_ids) + answer.text
        if asked.return_token_ids:
            choice["token_ids"] = list(answer.ids)
        return _response("text_completion", "cmpl", served, choice, answer)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/chat/completions", _explained(chat), methods=["POST"]),
            Route("/v1/completions", _explained(completions), methods=["POST"]),
        ],
        lifespan=lifespan,
    )


@dataclass(frozen=True)
class _Answering:
    """From a checked request to its answer."""

    served: Served
    batches: Batches

    async def chat(self, asked: ChatAsked) -> _Answer:
        self._check_model(asked)
        messages = [turn.message for turn in asked.messages]
        prompt = prompt_for(messages, self.served.renderer, clean=self.served.clean)
        if isinstance(prompt, Rejection):
            raise BadRequest(prompt.reason, parameter="messages")
        if not self.served.renderer.task.closed:
            if asked.logprobs:
                raise BadRequest("logprobs: only for classification, where they are those of the labels")
            return await self._generate(prompt, asked, asked.max_completion_tokens or asked.max_tokens)
        labels = self._labels(asked)
        scores = await self._scores(prompt, labels)
        told = _label_logprobs(scores, self._words, asked.top_logprobs or 0) if asked.logprobs else None
        return self._labelled(prompt, str(scores.argmax), told)

    async def completion(self, asked: PromptAsked) -> _Answer:
        self._check_model(asked)
        prompt = self._prompt(asked)
        if not set(asked.stop_token_ids or ()) <= set(self.served.renderer.stop_ids):
            known = sorted(self.served.renderer.stop_ids)
            raise BadRequest(f"stop_token_ids: the model stops at {known} and nowhere else", parameter="stop_token_ids")
        if asked.structured_outputs is None:
            return await self._generate(prompt, asked, asked.max_tokens)
        scores = await asyncio.wrap_future(self.batches.score(prompt, self._labels(asked), ("constrained",)))
        if scores.error is not None:
            raise BadRequest(scores.error, status=500)
        return self._labelled(prompt, str(scores.constrained), None)

    async def _generate(self, prompt: Prompt, asked: Asked, limit: int | None) -> _Answer:
        if asked.structured_outputs is not None:
            raise BadRequest("structured_outputs: only for classification, with labels as choices")
        tokens = min(limit or self.served.limit, self.served.context - prompt.prompt_length)
        said = await asyncio.wrap_future(self.batches.generate(prompt, max_new_tokens=tokens))
        if said.error is not None:
            raise BadRequest(said.error, status=500)
        return _Answer(said.text, said.finished or "stop", said.token_ids, prompt)

    async def _scores(self, prompt: Prompt, labels: Sequence[str]) -> LabelScores:
        scores = await asyncio.wrap_future(self.batches.score(prompt, labels, ("argmax", "probabilities")))
        if scores.error is not None:
            raise BadRequest(scores.error, status=500)
        return scores

    def _labelled(self, prompt: Prompt, label: str, logprobs: dict[str, Any] | None) -> _Answer:
        return _Answer(self._words(label), "stop", self.served.renderer.label_ids(label), prompt, logprobs)

    def _words(self, label: str) -> str:
        """What the model says for a label."""
        return self.served.renderer.task.answer(label)

    def _labels(self, asked: Asked) -> tuple[str, ...]:
        """The candidates: those the request names, or all of the run's."""
        task = self.served.renderer.task
        if asked.structured_outputs is None:
            return task.labels
        by_words = {self._words(label): label for label in task.labels} if task.closed else {}
        unknown = [words for words in asked.structured_outputs.choice if words not in by_words]
        if unknown:
            raise BadRequest(
                f"structured_outputs.choice: {unknown[0]!r} is not one of the labels ({', '.join(by_words)})",
                parameter="structured_outputs",
            )
        return tuple(by_words[words] for words in asked.structured_outputs.choice)

    def _prompt(self, asked: PromptAsked) -> Prompt:
        tokenizer = self.served.renderer.tokenizer
        ids = asked.prompt if isinstance(asked.prompt, list) else tokenizer(asked.prompt)["input_ids"]
        if not ids:
            raise BadRequest("prompt: holds no token", parameter="prompt")
        if strange := [token for token in ids if not 0 <= token < len(tokenizer)]:
            raise BadRequest(f"prompt: no token has the number {strange[0]}", parameter="prompt")
        if len(ids) >= self.served.context:
            reason = f"the prompt has {len(ids)} tokens, the model sees {self.served.context}, its answer included"
            raise BadRequest(reason, parameter="prompt")
        return Prompt("request", "request", tuple(ids), len(ids), (False,) * len(ids), text="")

    def _check_model(self, asked: Asked) -> None:
        if asked.model != self.served.name:
            raise BadRequest(f"no model {asked.model!r}; it is {self.served.name!r}", parameter="model", status=404)


def _label_logprobs(scores: LabelScores, words: Callable[[str], str], most: int) -> dict[str, Any]:
    """OpenAI's shape with whole labels in the place of tokens: the log-probability of each among the candidates."""
    ranked = sorted(scores.probabilities.items(), key=lambda pair: -pair[1])
    shown = [_shown(words(label), share) for label, share in ranked if share > 0]
    return {"content": [{**shown[0], "top_logprobs": shown[:most]}], "refusal": None}


def _shown(words: str, share: float) -> dict[str, Any]:
    return {"token": words, "logprob": math.log(share), "bytes": list(words.encode("utf-8"))}


def _response(kind: str, prefix: str, served: Served, choice: dict[str, Any], answer: _Answer) -> Response:
    head = {"id": f"{prefix}-{uuid4().hex}", "object": kind, "created": int(time.time()), "model": served.name}
    return JSONResponse({**head, "choices": [choice], "usage": answer.usage})


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BadRequest("the body must be JSON") from None


def _explained(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Errors in OpenAI's shape."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except BadRequest as error:
            kind = "invalid_request_error" if error.status < 500 else "server_error"
            told = {"message": str(error), "type": kind, "param": error.parameter, "code": None}
            return JSONResponse({"error": told}, status_code=error.status)

    return answered
