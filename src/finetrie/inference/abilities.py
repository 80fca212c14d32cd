"""What a served model can be asked: found out by asking it, not by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, TypeAlias

from finetrie.endpoints import Answer, Cache, Client, Request, Session
from finetrie.endpoints.client import CHAT, COMPLETIONS
from finetrie.endpoints.connection import Connection, NotThere, Unavailable
from finetrie.endpoints.driving import waited
from finetrie.endpoints.pacing import backoff
from finetrie.errors import ModelError, suggest
from finetrie.inference.engine import Wording
from finetrie.records import Prompt

Route: TypeAlias = Literal["completions", "chat"]
"""completions: the prompt's tokens, byte for byte those of training. chat: messages, for which the server's own
template makes the prompt."""

TOKEN_IDS: dict[str, Any] = {"return_token_ids": True}
"""Asks vLLM for the answer's tokens beside its text."""


@dataclass(frozen=True)
class Abilities:
    """What the server does with a request, beyond answering it."""

    route: Route
    stops: bool = False  # it stops at tokens that the request names, and tells the tokens of its answer
    logprobs: bool = False  # it tells the log-probability of tokens that the request names
    choice: bool = False  # it can be held to one of several answers
    notices: tuple[str, ...] = ()  # what the user should know about it


def logprobs_of(tokens: Sequence[int]) -> dict[str, Any]:
    """Parameters that ask vLLM for the log-probabilities of these tokens at every place."""
    return {"logprobs": len(tokens), "logprob_token_ids": list(tokens), "return_tokens_as_token_ids": True}


def only(choice: Sequence[str]) -> dict[str, Any]:
    """Parameters that hold vLLM, and `finetrie serve`, to one of these answers."""
    return {"structured_outputs": {"choice": list(choice)}}


def question(client: Client, prompt: Prompt, abilities: Abilities, limit: int, more: Mapping[str, Any]) -> Request:
    """One greedy question, by the route of the abilities; the client's own parameters come last."""
    if abilities.route == "completions":
        body = {"prompt": list(prompt.prompt_ids), "max_tokens": limit, "temperature": 0.0, **more}
    else:
        body = {"messages": list(prompt.messages), "max_tokens": limit, "temperature": 0.0, **more}
    chosen = {name: value for name, value in {**body, **client.parameters}.items() if value is not None}
    return Request({"model": client.model, **chosen}, 0, COMPLETIONS if abilities.route == "completions" else CHAT)


def find_out(
    client: Client, wording: Wording, prompt: Prompt, labels: Sequence[str], *, route: Route | Literal["auto"] = "auto"
) -> Abilities:
    """Ask the server a few small questions about `prompt`; at most six requests of a few tokens.

    Args:
        labels: candidate labels of the prompt; () for a task that generates.
        route: "auto" takes tokens where the server reads them as this wording does, else messages.

    Raises:
        ModelError: the server has no such model, cannot be reached, or cannot do what `route` says.
    """

    async def asked() -> Abilities:
        await _check_model(client)
        with Cache() as cache:
            return await _Probe(client, cache, wording, prompt, labels).abilities(route)

    return waited(asked())


async def _check_model(client: Client) -> None:
    connection = Connection(client)
    try:
        names = await _models(client, connection)
    finally:
        await connection.close()
    if names and client.model not in names:
        raise ModelError(
            f"{client.host}: no model {client.model!r}{suggest(client.model, names)} (models: {', '.join(names[:10])})",
            fix="name one of them with --model",
        )


async def _models(client: Client, connection: Connection) -> list[str] | None:
    for tries in range(1, client.tries + 1):
        try:
            return await connection.models()
        except Unavailable as error:
            if tries == client.tries:
                raise ModelError(f"{client.host}: {error}", fix="start the server, or correct --endpoint") from None
            await client.clock.sleep(backoff(tries, "models"))
    return None


@dataclass(frozen=True)
class _Probe:
    client: Client
    cache: Cache
    wording: Wording
    prompt: Prompt
    labels: Sequence[str]

    async def abilities(self, route: Route | Literal["auto"]) -> Abilities:
        if route == "chat" or (why := await self._why_not_tokens()):
            if route == "completions":
                raise ModelError(f"{self.client.host}: {why}", fix="use --route chat")
            found = Abilities("chat", notices=() if route == "chat" else (f"asked by chat messages: {why}",))
        else:
            stops, logprobs = await self._tells(Abilities("completions"))
            found = Abilities("completions", stops=stops, logprobs=logprobs)
        found = replace(found, choice=await self._holds_to_choice(found))
        return replace(found, notices=(*found.notices, *_limits(found))) if self.labels else found

    async def _ask(self, request: Request) -> Answer | str:
        """The answer, or why the server declines the question."""
        async with Session(self.client, self.cache) as session:  # a refusal ends a session, but not the questions
            answer, _ = await session.ask(request)
        if isinstance(answer, Answer):
            return answer
        if answer.rule == "request_failed":
            raise ModelError(f"{self.client.host}: {answer.reason}", fix="see whether the server is well")
        return answer.reason

    async def _why_not_tokens(self) -> str:
        """Why the server cannot be asked with tokens; "" where it reads them as they were meant."""
        ids, words = _longest_stretch(self.prompt.prompt_ids, self.wording)
        body = {"model": self.client.model, "prompt": ids, "max_tokens": 1, "temperature": 0.0, "echo": True}
        try:
            answer = await self._ask(Request(body, 0, COMPLETIONS))
        except NotThere:
            return "it takes no prompts, only messages"
        if isinstance(answer, str):
            return f"it does not take prompts as tokens ({answer})"
        if words not in (answer.text or ""):
            return "it reads the prompt's tokens as another text: its tokenizer is not the run's"
        return ""

    def _question(self, abilities: Abilities, limit: int, more: Mapping[str, Any]) -> Request:
        return question(self.client, self.prompt, abilities, limit, more)

    async def _tells(self, abilities: Abilities) -> tuple[bool, bool]:
        token = self.prompt.prompt_ids[-1]
        extras = {"stop_token_ids": sorted(self.wording.stop_ids), **TOKEN_IDS}
        answer = await self._ask(self._question(abilities, 1, extras | logprobs_of([token])))
        if isinstance(answer, Answer) and answer.token_ids:
            return True, bool(answer.top) and token_name(token) in (answer.top or [{}])[0]
        answer = await self._ask(self._question(abilities, 1, extras))
        return isinstance(answer, Answer) and bool(answer.token_ids), False

    async def _holds_to_choice(self, abilities: Abilities) -> bool:
        """Whether the server says each of two labels when it may say nothing else."""
        for label in self.labels[:2]:
            ids = self.wording.label_ids(label)
            words = self.wording.completion(ids)
            answer = await self._ask(self._question(abilities, room(abilities, len(ids)), only([words])))
            if not isinstance(answer, Answer) or (answer.text or "").strip() != words.strip():
                return False
        return len(self.labels) > 1


def _limits(abilities: Abilities) -> Iterator[str]:
    """What cannot be said of labels."""
    if not abilities.logprobs:
        yield "it does not tell log-probabilities of tokens by number, so there are no argmax answers or probabilities"
    if not abilities.choice and not abilities.logprobs:
        yield "it cannot be held to the labels, so there are no constrained answers"


def token_name(token: int) -> str:
    """How vLLM writes a token that it is asked to name by number."""
    return f"token_id:{token}"


def room(abilities: Abilities, tokens: int) -> int:
    """Most tokens of an answer that our tokenizer writes with `tokens`; that of a chat model may need more."""
    return tokens if abilities.route == "completions" else 4 * tokens + 16


def _longest_stretch(ids: Sequence[int], wording: Wording) -> tuple[list[int], str]:
    """The longest part of a prompt without control tokens that end a turn, and its longest line."""
    parts = [list(part) for ends, part in groupby(ids, key=lambda token: token in wording.stop_ids) if not ends]
    longest = max(parts, key=len)
    return longest, max(wording.completion(longest).split("\n"), key=len).strip()
