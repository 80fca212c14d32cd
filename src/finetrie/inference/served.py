"""The engine over a model behind an OpenAI-compatible server, vLLM above all.

Tokens in, tokens out where the server can: then the prompt is the one of training, byte for byte, and labels are
scored on the same trie as in `LocalEngine`, one request a node. Elsewhere messages in, text out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from finetrie.endpoints import Answer, Cache, Client, Request, Session
from finetrie.endpoints.driving import ROWS_AHEAD, driven, in_order
from finetrie.errors import FinetrieError
from finetrie.inference.abilities import (
    TOKEN_IDS,
    Abilities,
    Route,
    find_out,
    logprobs_of,
    only,
    question,
    room,
    token_name,
)
from finetrie.inference.engine import DECODINGS, Completion, Decoding, Finished, LabelScores, Wording
from finetrie.inference.labels import LabelTrie, label_trie
from finetrie.inference.scoring import Question, Scored, undecided
from finetrie.records import Prompt

NAMED_TOKENS = 128
"""Tokens whose log-probabilities vLLM tells in one request."""

DRAWS = 3
"""Times a question is asked whose answers are paid for and empty."""

NODES = 16
"""Trie nodes of a row that are asked for together."""


class ServedEngine:
    """Asks a server about labels and for greedy completions; temperature 0, an answer or an error for every row.

    An answer is in the cache before it is used, so that no interruption pays twice. A request that fails for good is
    the `error` of its row; twenty in a row end the work with a ModelError, because then the server is down.

    * `free` is the server's greedy text, at most as long as the row's longest label.
    * `constrained` is the server's structured output with the labels as choices. It is not asked for where the free
      answer is a label: greedy decoding among the labels then says the same.
    * `argmax` and `probabilities` need a server that tells the log-probabilities of tokens by number (vLLM's
      `logprob_token_ids`). The greedy answer proves most rows; others cost a request for each node of the label trie
      that could still change the answer, until at most `tolerance` of the distribution is undecided.

    `decodings` says which of these the server can give; the others stay None. `notices` says why.

    Args:
        abilities: what the server can do; see `ServedEngine.connect`, which finds out.
        cache: where answers are kept; None: only for as long as one call lasts.
        free_tokens: most tokens of the `free` answer; default: as many as the row's longest label.
    """

    def __init__(
        self,
        client: Client,
        renderer: Wording,
        abilities: Abilities,
        *,
        cache: Cache | None = None,
        tolerance: float = 0.01,
        free_tokens: int | None = None,
    ) -> None:
        self.client = client
        self.renderer = renderer
        self.abilities = abilities
        self.tolerance = tolerance
        self.free_tokens = free_tokens
        self.notices = [f"{client.model} at {client.host}: {said}" for said in abilities.notices]
        self._cache = cache
        self._stop_ids = frozenset(renderer.stop_ids)

    @classmethod
    def connect(
        cls,
        client: Client,
        renderer: Wording,
        prompt: Prompt,
        labels: Sequence[str] = (),
        *,
        route: Route | Literal["auto"] = "auto",
        **settings: Any,
    ) -> ServedEngine:
        """An engine for a server whose abilities are found out with `prompt` and its candidate `labels`.

        Raises:
            ModelError: the server has no such model, cannot be reached, or cannot do what `route` says.
        """
        abilities = find_out(client, renderer, prompt, labels, route=route)
        return cls(client, renderer, abilities, **settings)

    @property
    def decodings(self) -> tuple[Decoding, ...]:
        """What `score` can give, of all that an engine may be asked for."""
        able = {"free", *(["constrained"] if self.abilities.choice or self.abilities.logprobs else ())}
        if self.abilities.logprobs:
            able |= {"argmax", "probabilities"}
        return tuple(decoding for decoding in DECODINGS if decoding in able)

    def score(
        self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]], *, decodings: Collection[Decoding] = DECODINGS
    ) -> Iterator[LabelScores]:
        """Yield one result per prompt, in order; `labels[i]` are the candidate labels of `prompts[i]`.

        A label given twice counts once. Raises ValueError for lists of different lengths or an unknown decoding.
        """
        if len(prompts) != len(labels):
            raise ValueError(f"{len(prompts)} prompts, but candidate labels for {len(labels)}")
        if unknown := set(decodings) - set(DECODINGS):
            raise ValueError(f"unknown decodings {sorted(unknown)}; known: {', '.join(DECODINGS)}")
        wanted = frozenset(decodings) & frozenset(self.decodings)
        rows = [(prompt, tuple(dict.fromkeys(own))) for prompt, own in zip(prompts, labels, strict=True)]
        return driven(self._scores(rows, wanted))

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Iterator[Completion]:
        """Yield one greedy completion per prompt, in order. Raises ValueError for max_new_tokens < 1."""
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
        return driven(self._completions(prompts, max_new_tokens))

    async def _scores(
        self, rows: Sequence[tuple[Prompt, tuple[str, ...]]], wanted: frozenset[Decoding]
    ) -> AsyncGenerator[LabelScores, None]:
        tries: dict[tuple[str, ...], LabelTrie | FinetrieError] = {}
        async with self._session() as session:
            work = (self._row(session, prompt, labels, tries).scores(wanted) for prompt, labels in rows)
            async with aclosing(in_order(work, ahead=ROWS_AHEAD * self.client.concurrency)) as results:
                async for scores in results:
                    yield scores

    async def _completions(self, prompts: Sequence[Prompt], limit: int) -> AsyncGenerator[Completion, None]:
        async with self._session() as session:
            work = (_Asking(self, session, prompt).completion(limit) for prompt in prompts)
            async with aclosing(in_order(work, ahead=ROWS_AHEAD * self.client.concurrency)) as results:
                async for completion in results:
                    yield completion

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        with nullcontext(self._cache) if self._cache is not None else Cache() as cache:
            async with Session(self.client, cache) as session:
                yield session

    def _row(
        self,
        session: Session,
        prompt: Prompt,
        labels: tuple[str, ...],
        tries: dict[tuple[str, ...], LabelTrie | FinetrieError],
    ) -> _Scoring:
        if labels not in tries:
            try:
                tries[labels] = label_trie(labels, [self.renderer.label_ids(label) for label in labels])
            except FinetrieError as error:
                tries[labels] = error
        return _Scoring(_Asking(self, session, prompt), tries[labels])


class _NoAnswer(Exception):
    """Why a row has no answer."""


@dataclass(frozen=True)
class _Said:
    """A greedy answer as it came."""

    text: str
    ids: tuple[int, ...]  # () where the server does not tell them
    finished: Finished
    top: Sequence[Mapping[str, float]] | None


@dataclass(frozen=True)
class _Asking:
    """Questions about one prompt."""

    engine: ServedEngine
    session: Session
    prompt: Prompt

    async def completion(self, limit: int) -> Completion:
        started = perf_counter()
        try:
            said = await self.greedy(limit)
        except _NoAnswer as error:
            return Completion(self.prompt.id, seconds=perf_counter() - started, error=str(error))
        seconds = perf_counter() - started
        return Completion(self.prompt.id, said.text, said.ids, said.finished, seconds=seconds)

    async def greedy(self, limit: int, *, after: Sequence[int] = (), tokens: Sequence[int] = ()) -> _Said:
        """What the model says after the prompt, and the log-probabilities of `tokens` on the way."""
        abilities = self.engine.abilities
        more: dict[str, Any] = {}
        if abilities.stops:
            more |= {"stop_token_ids": sorted(self.engine.renderer.stop_ids), **TOKEN_IDS}
        if tokens:
            more |= logprobs_of(tokens)
        answer = await self._ask(self._request(room(abilities, limit), more, after))
        if not abilities.stops:
            return _Said(answer.text or "", (), "length" if answer.finish == "length" else "stop", None)
        ids = tuple(answer.token_ids or ())
        cut = not ids or ids[-1] not in self.engine.renderer.stop_ids
        return _Said(self.engine.renderer.completion(ids), ids, "length" if cut else "stop", answer.top)

    async def logprobs(self, after: Sequence[int], tokens: Sequence[int]) -> tuple[int, list[float]]:
        """The most probable token after the prompt and `after`, and the log-probabilities of `tokens` there."""
        parts = [tokens[first : first + NAMED_TOKENS] for first in range(0, len(tokens), NAMED_TOKENS)]
        said = await asyncio.gather(*(self.greedy(1, after=after, tokens=part) for part in parts))
        values = [value for one, part in zip(said, parts, strict=True) for value in _values(one, 0, part)]
        return said[0].ids[0], values

    async def choice(self, words: Sequence[str], limit: int) -> str:
        """Which of `words` the model says when it may say nothing else."""
        answer = await self._ask(self._request(room(self.engine.abilities, limit), only(words), ()))
        said = (answer.text or "").strip()
        found = next((word for word in words if word.strip() == said), None)
        if found is None:
            raise _NoAnswer(f"the server answered {said[:80]!r}, which is none of the choices")
        return found

    def _request(self, limit: int, more: Mapping[str, Any], after: Sequence[int]) -> Request:
        asked = question(self.engine.client, self.prompt, self.engine.abilities, limit, more)
        if not after:
            return asked
        return Request({**asked.body, "prompt": [*asked.body["prompt"], *after]}, 0, asked.path)

    async def _ask(self, request: Request) -> Answer:
        if not self.prompt.prompt_ids:
            raise _NoAnswer("the prompt has no tokens")
        for draw in range(DRAWS):
            answer, _ = await self.session.ask(Request(request.body, draw, request.path))
            if not isinstance(answer, Answer):
                raise _NoAnswer(answer.reason)
            if answer.finish == "content_filter":
                raise _NoAnswer("the server held the answer back (content_filter)")
            if answer.token_ids if "return_token_ids" in request.body else answer.text is not None:
                return answer
        raise _NoAnswer(f"{DRAWS} answers without a choice, or without what was asked for")


@dataclass(frozen=True)
class _Scoring:
    """One row's candidate labels, and what the server says of them."""

    asking: _Asking
    trie: LabelTrie | FinetrieError

    async def scores(self, wanted: frozenset[Decoding]) -> LabelScores:
        id, started = self.asking.prompt.id, perf_counter()
        try:
            if isinstance(self.trie, FinetrieError):
                raise _NoAnswer(str(self.trie))
            return await self._scores(self.trie, wanted, started)
        except _NoAnswer as error:
            return LabelScores(id, seconds=perf_counter() - started, error=str(error))

    async def _scores(self, trie: LabelTrie, wanted: frozenset[Decoding], started: float) -> LabelScores:
        engine = self.asking.engine
        limit = max(trie.depth)
        spread = wanted & {"argmax", "probabilities"}
        row = Scored(0, self.asking.prompt.prompt_ids, trie)
        row.reset()
        named = _tokens(trie) if spread else []
        said = await self.asking.greedy(engine.free_tokens or limit, tokens=named if len(named) <= NAMED_TOKENS else ())
        if spread:
            _learn_path(row, said)
            await self._settle(row, Question(spread, frozenset(), None, engine.tolerance, whole=0))
        constrained = await self._constrained(row, said, limit) if "constrained" in wanted else None
        return LabelScores(
            self.asking.prompt.id,
            argmax=row.best if "argmax" in wanted else None,
            constrained=constrained,
            free=said.text if "free" in wanted else None,
            free_finished=said.finished if "free" in wanted else None,
            probabilities=row.probabilities if "probabilities" in wanted else {},
            log_probability=row.known if spread else {},
            mass=row.mass if "probabilities" in wanted else None,
            undecided=undecided(row) if "probabilities" in wanted else 0.0,
            seconds=perf_counter() - started,
        )

    async def _settle(self, row: Scored, asked: Question) -> None:
        """Compute nodes until what is asked is decided."""
        paths = _paths(row.trie)
        while nodes := asked.nodes(row, most=NODES):
            children = [list(row.trie.children[node]) for node in nodes]
            said = await asyncio.gather(
                *(self.asking.logprobs(paths[node], below) for node, below in zip(nodes, children, strict=True))
            )
            for node, (best, values) in zip(nodes, said, strict=True):
                row.learn(node, normaliser=0.0, best=best, children=values)

    async def _constrained(self, row: Scored, said: _Said, limit: int) -> str:
        """Greedy decoding among the labels: the free answer where it is a label, else what the server is held to."""
        engine = self.asking.engine
        words = {engine.renderer.completion(engine.renderer.label_ids(label)): label for label in row.trie.labels}
        if said.finished == "stop" and said.text in words:
            return words[said.text]
        if engine.abilities.choice:
            return words[await self.asking.choice(list(words), limit)]
        await self._settle(row, Question(frozenset({"constrained"}), frozenset(), None, 0.0, whole=0))
        return row.trie.labels[row.trie.leaves.index(row.constrained_end())]


def _tokens(trie: LabelTrie) -> list[int]:
    """Every token of the labels, once, ascending."""
    return sorted({token for below in trie.children for token in below})


def _paths(trie: LabelTrie) -> dict[int, tuple[int, ...]]:
    """Node -> the tokens from the prompt to it."""
    paths: dict[int, tuple[int, ...]] = {0: ()}
    for node in trie.inner:  # depth-first, so parents come first
        for token, child in trie.children[node].items():
            paths[child] = (*paths[node], token)
    return paths


def _values(said: _Said, place: int, tokens: Sequence[int]) -> list[float]:
    known = said.top[place] if said.top is not None and place < len(said.top) else {}
    found = [known.get(token_name(token), math.nan) for token in tokens]
    if any(math.isnan(value) for value in found):
        raise _NoAnswer("the server left out log-probabilities that it was asked for")
    return found


def _learn_path(row: Scored, said: _Said) -> None:
    """What the greedy answer says of the nodes it passes; nothing where no tokens were named."""
    node: int | None = 0
    for place, token in enumerate(said.ids):
        if node is None or not row.trie.children[node] or said.top is None:
            return
        children = row.trie.children[node]
        row.learn(node, normaliser=0.0, best=token, children=_values(said, place, list(children)))
        node = children.get(token)
