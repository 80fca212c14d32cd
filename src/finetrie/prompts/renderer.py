"""The one renderer: examples become prompts here, in training, in evaluation and in serving.

The prompt of a row never depends on its target: the tokens kept free for an answer are the same for all rows,
so a model is asked exactly what it was trained on.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from finetrie.errors import ConfigError
from finetrie.files import text_hash
from finetrie.prompts.budget import Count, Ranges, Scale, Shorten, joined, largest_cut
from finetrie.prompts.chat import BadConversation, Chat, Frame, TemplateChoice
from finetrie.records import Example, Message, Prompt, Rejection, Shortening
from finetrie.tasks.base import Task

VERSION = 1
"""Part of every prompt hash; to be raised when this module or its neighbours write other tokens."""

CHUNK = 512
"""Rows tokenised together."""

CACHED_FRAMES = 4096

_SURROGATE = re.compile("[\ud800-\udfff]")


_known: ContextVar[dict[Any, Prompt] | None] = ContextVar("prompts that are kept", default=None)


@contextmanager
def kept_prompts() -> Iterator[None]:
    """Rows are tokenised once for as long as this is open, by all renderers with the same hash.

    For work that asks the same rows again and again, such as the cells of a grid. Memory grows with the rows.
    """
    if _known.get() is not None:
        yield
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A frame with its budget."""

    frame: Frame
    limit: int  # most tokens of a prompt
    empty: int  # tokens of a prompt without any text
    own: bool  # whether the row brought its own options, instruction or history


class Renderer:
    """Turns examples into token ids for one model and one task.

    `end_ids` ends every trained answer; generation stops at any of `stop_ids`. `hash` changes whenever the same
    example could become other tokens, or be shortened differently.
    """

    def __init__(
        self,
        tokenizer: Any,
        task: Task[Any],
        *,
        max_tokens: int,
        shorten: Shorten = "head",
        chat_template: TemplateChoice = "auto",
        reserve: int | None = None,
        stop_ids: Iterable[int] = (),
    ) -> None:
        """`max_tokens` bounds prompt and answer together; `reserve` of them are kept free for the answer.

        Without `reserve` the longest label counts; a task without fixed answers needs one (see `choose_reserve`).
        `stop_ids` are the model's own end tokens, from `generation_config.eos_token_id`.

        Raises:
            ConfigError: the instruction alone exceeds the budget, or no reserve where one is needed.
            ModelError: the tokenizer's chat template cannot be used.
        """
        self.tokenizer = tokenizer
        self.task = task
        self.max_tokens = max_tokens
        self.shorten = shorten
        self.chat = Chat(tokenizer, template=chat_template, stop_ids=stop_ids)
        self.end_ids = self.chat.end_ids
        self.stop_ids = self.chat.stop_ids
        self._gap = f"G{secrets.token_hex(8)}G"
        self._label_ids: dict[str, tuple[int, ...]] = {}
        self._slots: dict[Any, _Slot] = {}
        if reserve is None and not task.closed:
            raise ConfigError(
                f"reserve: the answers of a {task.name} task have no fixed length",
                fix="pass reserve=choose_reserve(...) over the training examples",
            )
        self.reserve = max(self._longest(task.labels), reserve or 0) if task.closed else reserve or 0
        self._check_instruction()
        self.hash = self._hash()

    def with_task(self, task: Task[Any]) -> Renderer:
        """The same budget, template and answers, for a task that words its question otherwise.

        Raises:
            ConfigError: its instruction alone exceeds the budget.
        """
        other = copy(self)
        other.task, other._slots, other._label_ids = task, {}, {}
        other._check_instruction()
        other.hash = other._hash()
        return other

    def render(self, example: Example, *, labelled: bool = True) -> Prompt | Rejection:
        """The example as tokens, or why it cannot be one.

        Rejections: `prompt_too_long` (even an empty text does not fit), `answer_too_long` (the answer does not fit
        behind the prompt), `bad_conversation` (the chat template refuses the row's history), `bad_characters`
        (half a surrogate pair, which has no bytes).

        Raises:
            ConfigError: instruction and label list alone exceed the budget, so no row can fit.
            ValueError: `labelled`, but the example has no target.
        """
        return next(self.render_many([example], labelled=labelled))

    def render_many(self, examples: Iterable[Example], *, labelled: bool = True) -> Iterator[Prompt | Rejection]:
        """`render` for many examples, in order; tokenises in chunks, so it is several times faster."""
        chunk: list[Example] = []
        for example in examples:
            chunk.append(example)
            if len(chunk) == CHUNK:
                yield from self._render_chunk(chunk, labelled)
                chunk = []
        yield from self._render_chunk(chunk, labelled)

    def render_messages(self, messages: Sequence[Message]) -> Prompt | Rejection:
        """A conversation as it stands, by the same chat template; the last message is the question.

        Nothing is shortened. Rejections: `prompt_too_long`, `bad_conversation`, `bad_characters`, as for `render`.
        """
        *before, last = messages
        broken = next((message for message in messages if _SURROGATE.search(message["content"])), None)
        if broken is not None:
            return Rejection("request", "bad_characters", "half a surrogate pair in a message, which has no bytes")
        asked: list[Message] = [*before, {"role": last["role"], "content": self._gap}]
        try:
            if last["role"] != "user":
                raise BadConversation("the last message must be the user's")
            frame = self.chat.frame(asked, self._gap)
        except BadConversation as error:
            return Rejection("request", "bad_conversation", f"the chat template refuses the conversation: {error}")
        ids = tuple(number for part in self.chat.encoder.encode(frame.fill(last["content"])) for number in part)
        if len(ids) > self.max_tokens - self.reserve:
            reason = f"{len(ids)} tokens, but model.max_tokens less room for the answer leaves "
            return Rejection("request", "prompt_too_long", f"{reason}{self.max_tokens - self.reserve}; send less text")
        return Prompt(
            "request", "request", ids, len(ids), (False,) * len(ids), last["content"], messages=tuple(messages)
        )

    def label_ids(self, label: str) -> tuple[int, ...]:
        """The tokens that answer with `label`, the end token included."""
        if label not in self._label_ids:
            self._label_ids[label] = self._answer_ids([self.task.answer(label)])[0]
        return self._label_ids[label]

    def completion(self, ids: Sequence[int]) -> str:
        """Generated tokens as text for `task.parse`: up to the first stop token."""
        return self.chat.decode(ids)

    def _render_chunk(self, examples: Sequence[Example], labelled: bool) -> list[Prompt | Rejection]:
        known = _known.get()
        if known is None:
            return self._render_anew(examples, labelled)
        keys = [None if example.history else _content(self.hash, example, labelled) for example in examples]
        new = [i for i, key in enumerate(keys) if key is None or key not in known]
        fresh = dict(zip(new, self._render_anew([examples[i] for i in new], labelled), strict=True))
        known.update({keys[i]: made for i, made in fresh.items() if keys[i] and isinstance(made, Prompt)})
        return [
            fresh[i] if i in fresh else replace(known[keys[i]], id=example.id, origin=example.origin)
            for i, example in enumerate(examples)
        ]

    def _render_anew(self, examples: Sequence[Example], labelled: bool) -> list[Prompt | Rejection]:
        slots = [self._slot(example) for example in examples]
        # A text far beyond the budget is not tokenised as a whole only to learn that it is too long.
        whole = [
            (slot, example)
            for slot, example in zip(slots, examples, strict=True)
            if isinstance(slot, _Slot) and len(example.text) <= 8 * slot.limit
        ]
        encoded = iter(self.chat.encoder.encode_many([slot.frame.fill(example.text) for slot, example in whole]))
        results: list[Prompt | Rejection] = []
        for slot, example in zip(slots, examples, strict=True):
            if isinstance(slot, Rejection):
                results.append(slot)
                continue
            parts = next(encoded) if len(example.text) <= 8 * slot.limit else None
            results.append(self._fit(example, slot, parts, labelled))
        return results

    def _fit(self, example: Example, slot: _Slot, parts: list[list[int]] | None, labelled: bool) -> Prompt | Rejection:
        text, shortening = example.text, None
        if parts is None or _length(parts) > slot.limit:
            kept = self._largest_cut(example.text, slot, _length(parts) if parts is not None else None)
            if kept is None:
                return self._too_long(example, slot)
            text, shortening = joined(example.text, kept), Shortening(kept, len(example.text))
            parts = self.chat.encoder.encode(slot.frame.fill(text))
            if kept == ((0, len(example.text)),):
                shortening = None
        ids = [number for part in parts for number in part]
        if not labelled:
            asked = self._messages(example, text)
            return Prompt(
                example.id, example.origin, tuple(ids), len(ids), (False,) * len(ids), text, shortening, asked
            )
        target = self.task.clip(example, shortening.kept) if shortening else self.task.target(example)
        answer = self.label_ids(target) if self.task.closed else self._answer_ids([self.task.answer(target)])[0]
        if len(ids) + len(answer) > self.max_tokens:
            return self._answer_too_long(example, len(ids), len(answer))
        supervised = [index % 2 == 1 for index, part in enumerate(parts) for _ in part] + [True] * len(answer)
        return Prompt(example.id, example.origin, (*ids, *answer), len(ids), tuple(supervised), text, shortening)

    def _largest_cut(self, text: str, slot: _Slot, whole: int | None) -> Ranges | None:
        def counting(frame: Frame) -> Count:
            return lambda texts: self.chat.encoder.count_many([frame.fill(text) for text in texts])

        scale = Scale(counting(slot.frame), counting(slot.frame.surroundings()), slot.limit, slot.empty, whole)
        return largest_cut(text, scale, self.shorten)

    def _slot(self, example: Example) -> _Slot | Rejection:
        """The frame of a row; rows with the same options and instruction share it."""
        broken = next((words for words in _words(example) if _SURROGATE.search(words)), None)
        if broken is not None:
            reason = f"half a surrogate pair in {broken[:40]!a}, which has no bytes; correct what wrote the file"
            return Rejection(example.origin, "bad_characters", reason)
        try:
            key = (example.options, example.instruction)
            if example.history:
                return self._new_slot(example)
            if key not in self._slots:
                if len(self._slots) >= CACHED_FRAMES:
                    self._slots.clear()
                self._slots[key] = self._new_slot(example)
            return self._slots[key]
        except BadConversation as error:
            reason = f"the chat template refuses the conversation: {error}; user and assistant must take turns"
            return Rejection(example.origin, "bad_conversation", reason, text=example.text)

    def _new_slot(self, example: Example) -> _Slot:
        messages = self._messages(example, self._gap)
        reserve = self.reserve
        if self.task.closed and example.options:
            reserve = max(reserve, self._longest(example.options))
        own = bool(example.options is not None or example.instruction is not None or example.history)
        frame = self.chat.frame(messages, self._gap)
        return _Slot(frame, self.max_tokens - reserve, self._fixed(frame), own)

    def _messages(self, example: Example, text: str) -> tuple[Message, ...]:
        asked = self.task.messages(
            text, options=example.options, instruction=example.instruction, history=example.history
        )
        return tuple(asked)

    def _longest(self, labels: Iterable[str]) -> int:
        return max((len(self.label_ids(label)) for label in labels), default=0)

    def _answer_ids(self, answers: Sequence[str]) -> list[tuple[int, ...]]:
        encoder = self.chat.encoder
        parts = encoder.encode_many([encoder.boundary + self.chat.lead + answer for answer in answers])
        return [(*part[1], *self.end_ids) for part in parts]

    def _fixed(self, frame: Frame) -> int:
        """Tokens of a prompt whose text is empty."""
        return self.chat.encoder.count_many([frame.fill("")])[0]

    def _check_instruction(self) -> None:
        """Rows may bring shorter options, but none comes without the instruction."""
        options = () if self.task.labels else None
        frame = self.chat.frame(self.task.messages(self._gap, options=options), self._gap)
        if self._fixed(frame) + self.reserve > self.max_tokens:
            raise self._no_room(self._fixed(frame), "instruction and markup")

    def _no_room(self, fixed: int, what: str) -> ConfigError:
        needed = fixed + self.reserve
        return ConfigError(
            f"model.max_tokens: {self.max_tokens} tokens are too few: {what} take {fixed} and the answer "
            f"{self.reserve}, which leaves nothing for the text",
            fix=f"set model.max_tokens to more than {needed}, or shorten task.instruction and task.names",
        )

    def _too_long(self, example: Example, slot: _Slot) -> Rejection:
        fixed = slot.empty
        if not slot.own:
            raise self._no_room(fixed, "instruction, labels and markup")
        what = "the conversation so far" if example.history else "its own instruction and options"
        reason = (
            f"{what} and the markup take {fixed} tokens, without any text; model.max_tokens = {self.max_tokens} less "
            f"{self.max_tokens - slot.limit} for the answer leaves {slot.limit}. Set model.max_tokens to at least "
            f"{fixed + self.max_tokens - slot.limit}, or shorten them"
        )
        return Rejection(example.origin, "prompt_too_long", reason, text=example.text)

    def _answer_too_long(self, example: Example, prompt: int, answer: int) -> Rejection:
        reason = (
            f"the answer takes {answer} tokens and the prompt {prompt}, together more than model.max_tokens = "
            f"{self.max_tokens}. Set it to at least {prompt + answer}, or split the text"
        )
        return Rejection(example.origin, "answer_too_long", reason, text=example.text)

    def _hash(self) -> str:
        frame = self.chat.frame(self.task.messages(self._gap), self._gap)
        settings = {
            "version": VERSION,
            "tokenizer": self.chat.encoder.identity,
            "template": self.chat.source,
            "task": self.task.describe(),
            "prompt": [self.chat.encoder.public(part) for part in (frame.fill(""), frame.opening, frame.closing)],
            "end": list(self.end_ids),
            "max_tokens": self.max_tokens,
            "reserve": self.reserve,
            "shorten": self.shorten,
        }
        return text_hash(json.dumps(settings, sort_keys=True, ensure_ascii=True))


def choose_reserve(
    tokenizer: Any,
    task: Task[Any],
    examples: Iterable[Example],
    *,
    max_tokens: int,
    chat_template: TemplateChoice = "auto",
    stop_ids: Iterable[int] = (),
) -> int:
    """Tokens to keep free for an answer: those of the longest training answer, at most half of `max_tokens`.

    Choose it once, over the training rows, and keep it with the run. At least the end token has room.
    """
    chat = Chat(tokenizer, template=chat_template, stop_ids=stop_ids)
    answers = [task.answer(label) for label in task.labels] if task.closed else []
    answers += {task.answer(task.target(example)) for example in examples}
    answers = [answer for answer in answers if not _SURROGATE.search(answer)]  # `render` rejects those rows
    encoder = chat.encoder
    parts = encoder.encode_many([encoder.boundary + chat.lead + answer for answer in answers])
    longest = max((len(part[1]) for part in parts), default=0) + len(chat.end_ids)
    return min(longest, max_tokens // 2)


def _content(hash: str, example: Example, labelled: bool) -> tuple[Any, ...]:
    """Everything that a prompt depends on, of a row without history."""
    return hash, example.text, example.options, example.instruction, example.target if labelled else None, labelled


def _words(example: Example) -> Iterator[str]:
    """Everything of a row that may become tokens."""
    yield example.text
    yield from (message["content"] for message in example.history)
    yield from example.options or ()
    yield from (words for words in (example.instruction, example.target) if isinstance(words, str))


def _length(parts: Sequence[Sequence[int]]) -> int:
    return sum(map(len, parts))
