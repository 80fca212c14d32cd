"""Rows in, written rows out: in the order of the rows, one outcome each, whatever the server does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field, replace

from finetrie.data.rows import storable
from finetrie.data.synthesis.recipe import Recipe, Refused
from finetrie.data.synthesis.written import Provenance, RefusedAnswer, Written
from finetrie.endpoints.answer import Answer
from finetrie.endpoints.cache import Cache
from finetrie.endpoints.client import Client
from finetrie.endpoints.driving import ROWS_AHEAD, driven, in_order
from finetrie.endpoints.pacing import Budget
from finetrie.endpoints.session import Failure, Session
from finetrie.errors import ConfigError
from finetrie.files import plain
from finetrie.records import Example, Rejection

_DRAWS = 1000  # seeds set aside for each variant, so that `draws` may change without another request for old answers


def write(
    examples: Iterable[Example],
    recipe: Recipe,
    client: Client,
    *,
    cache: Cache | None = None,
    budget: Budget | None = None,
    draws: int = 3,
    variants: int = 1,
) -> Iterator[Written]:
    """`stream` for code that is not asynchronous, in a notebook too: requests go on in a thread while you use a row.

    Leaving the loop early, or closing the iterator, cancels what is under way. Answers that have come are in the cache.
    """
    _check(recipe, draws, variants)
    return driven(stream(examples, recipe, client, cache=cache, budget=budget, draws=draws, variants=variants))


async def stream(
    examples: Iterable[Example],
    recipe: Recipe,
    client: Client,
    *,
    cache: Cache | None = None,
    budget: Budget | None = None,
    draws: int = 3,
    variants: int = 1,
) -> AsyncGenerator[Written, None]:
    """Ask a larger model about every row.

    The outcomes of a row depend on the row, the recipe and the answers, not on how many requests run side by side:
    they come in the order of the rows, `variants` for each, or a single rejection where nothing could be asked.
    With a cache on disk, memory does not grow with the number of rows. A rejection has the rule by which the recipe
    finds a row unsuitable, or

    `answer_refused`    the recipe took none of `draws` answers; `row` holds them, each with its reason
    `request_failed`    the server gave no answer, however often it was asked
    `request_declined`  the server will not answer this request (400, 413, 422, ...)
    `over_budget`       the budget does not reach this far

    Args:
        cache: answers paid for earlier; None: only for as long as this call lasts.
        budget: None: no limit.
        draws: answers to ask for until the recipe takes one, each with another seed.
        variants: new rows from each row, all different; only for recipes whose rows stand beside their source.

    Raises:
        ConfigError: settings that cannot be, or the key is missing.
        ModelError: no request can succeed (401, 402, 404), or 20 rows in a row got no answer. Run it again to go on.
        OutputError: an answer cannot be kept.
    """
    _check(recipe, draws, variants)
    keeping = nullcontext(cache) if cache is not None else Cache()
    with keeping as kept:
        async with Session(client, kept, budget) as session:
            rows = (_Row(example, recipe, session, draws).written(variants) for example in examples)
            async with aclosing(in_order(rows, ahead=ROWS_AHEAD * client.concurrency)) as outcomes:
                async for row in outcomes:
                    for written in row:
                        yield written


@dataclass
class _Row:
    """One example on its way through the recipe."""

    example: Example
    recipe: Recipe
    session: Session
    draws: int
    done: list[Written] = field(default_factory=list)

    async def written(self, variants: int) -> list[Written]:
        unsuitable = self.recipe.unsuitable(self.example)
        if unsuitable is not None:
            rejection = self._rejection(unsuitable.rule, unsuitable.reason)
            return [Written(self.example, rejection, self._provenance(0, [], None))]
        for variant in range(variants):
            self.done.append(await self._variant(variant))
        return self.done

    async def _variant(self, variant: int) -> Written:
        """Draw answers until the recipe takes one."""
        messages = self.recipe.messages(self.example)
        answers: list[Answer] = []
        refused: list[RefusedAnswer] = []
        cached = 0
        result: Example | Rejection | None = None
        reasoning = None
        for draw in range(self.draws):
            request = self.session.client.request(messages, self.recipe.parameters, variant * _DRAWS + draw)
            answer, known = await self.session.ask(request)
            if isinstance(answer, Failure):
                result = self._rejection(answer.rule, answer.reason, refused)
                break
            answers.append(answer)
            cached += known
            verdict = self._judged(answer, variant)
            if isinstance(verdict, Example):
                result, reasoning = verdict, answer.reasoning
                if (
                    reasoning is not None and verdict.text == self.example.text
                ):  # it was about what the text is labelled
                    result = replace(verdict, reasoning=reasoning)
                break
            refused.append(RefusedAnswer(storable(answer.text), verdict.rule, verdict.reason, request.key))
        if result is None:
            reason = f"none of {len(refused)} answers can be used; the last: {refused[-1].reason}"
            result = self._rejection("answer_refused", reason, refused)
        provenance = self._provenance(variant, answers, request.key)
        return Written(self.example, result, provenance, reasoning, tuple(refused), cached)

    def _judged(self, answer: Answer, variant: int) -> Example | Refused:
        if answer.finish == "length":
            return Refused("cut_off", "the answer reached max_tokens before its end (set parameters.max_tokens higher)")
        if answer.finish == "content_filter":
            return Refused("content_filter", "the server held the answer back")
        if answer.text is None or not answer.text.strip():
            return Refused("empty", "the answer holds no text")
        if storable(answer.text) != answer.text:
            return Refused("half_character", "the answer holds half a surrogate pair, which is no character")
        accepted = self.recipe.accept(self.example, answer.text)
        if isinstance(accepted, Refused):
            return accepted
        for earlier in (written.result for written in self.done):
            if isinstance(earlier, Example) and (earlier.text, earlier.target) == (accepted.text, accepted.target):
                return Refused("repeated", "the same as an earlier variant")
        suffix = f"#{self.recipe.suffix}-{variant + 1}" if self.recipe.suffix else ""
        return replace(accepted, id=self.example.id + suffix, origin=self.example.origin + suffix)

    def _rejection(self, rule: str, reason: str, refused: Sequence[RefusedAnswer] = ()) -> Rejection:
        row = {"recipe": self.recipe.name, "answers": plain(list(refused))} if refused else None
        return Rejection(self.example.origin, rule, reason, row=row, text=self.example.text)

    def _provenance(self, variant: int, answers: Sequence[Answer], request: str | None) -> Provenance:
        last = answers[-1] if answers else None
        return Provenance(
            recipe=self.recipe.name,
            model=self.session.client.model,
            served=last.model if last else None,
            host=last.host if last else self.session.client.host,
            prompt=self.recipe.prompt.hash,
            request=request,
            variant=variant,
            answers=len(answers),
            prompt_tokens=sum(answer.prompt_tokens or 0 for answer in answers),
            answer_tokens=sum(answer.answer_tokens or 0 for answer in answers),
        )


def _check(recipe: Recipe, draws: int, variants: int) -> None:
    if not 1 <= draws < _DRAWS:
        raise ConfigError(f"draws: expected 1 to {_DRAWS - 1}, got {draws}")
    if variants < 1 or (variants > 1 and not recipe.suffix):
        raise ConfigError(
            f"variants: expected {'at least 1' if recipe.suffix else f'1 for {recipe.name!r}'}, got {variants}"
        )
