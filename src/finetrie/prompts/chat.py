"""Chat templates: what stands around the contents, where an answer goes, and what ends it.

Only the template's markup is asked for, with stand-ins for the contents; the contents are put in afterwards.
So a template cannot change what a text says, a text cannot change the markup, and the tokens of a prompt
can be told apart by who wrote them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from jinja2 import TemplateError

from finetrie.errors import ModelError
from finetrie.prompts.encoding import encoder_for
from finetrie.records import Message

TemplateChoice = Literal["auto", "chatml"]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models without a template. Where the tokenizer does not know `<|im_end|>`, the markup is plain text and
answers end with the tokenizer's end-of-sequence token."""

SETTINGS: dict[str, Any] = {
    "enable_thinking": False,  # Qwen3 and others: the prompt closes an empty thought, in training as in serving
    "thinking": False,
    "date_string": "26 Jul 2024",  # Llama 3: a prompt that changes with the day was never trained on
    "strftime_now": lambda form: "26 Jul 2024",
}
"""What templates are told, always the same. Those that do not ask ignore it."""

_PAD = "\n\t\n"  # white space that no template writes, to see whether contents are trimmed


class BadConversation(Exception):
    """The template refuses these roles in this order; the message is the template's own."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What a template writes around `n` contents: `n + 1` pieces of markup, in the encoder's private alphabet."""

    markup: tuple[str, ...]
    trims: tuple[tuple[bool, bool], ...]  # for each content: is white space removed at its left, its right end?


@dataclass(frozen=True, slots=True)
class Frame:
    """A conversation with a gap for one text, in the encoder's private alphabet.

    Boundaries stand around earlier answers: every second stretch of tokens between them is supervised.
    """

    before: str
    opening: str  # begins the message with the gap
    closing: str  # ends it
    after: str
    trims: tuple[bool, bool]  # whether the template removes white space at the message's beginning, its end

    def fill(self, text: str) -> str:
        return self.before + _trimmed(self.opening + text + self.closing, self.trims) + self.after

    def surroundings(self, characters: int = 32) -> Frame:
        """The same frame without what is far from the gap."""
        before, after = self.before + self.opening, self.closing + self.after
        return Frame(before[-characters:], "", "", after[:characters], self.trims)


class Chat:
    """A tokenizer's chat template, taken apart.

    `end_ids` is what a trained answer ends with: the control token that the template writes after an answer. Where it
    writes none (GLM-4), the one that opens the next user turn, provided that generation stops at it; else
    the tokenizer's end-of-sequence token. `stop_ids` is every token at which generation stops.
    `lead` is white space that the template puts between its generation prompt and an answer (Llama 2, GLM-4):
    the model says it, so it belongs to the answer.
    """

    def __init__(self, tokenizer: Any, *, template: TemplateChoice = "auto", stop_ids: Iterable[int] = ()) -> None:
        """`stop_ids` are the model's own, from `generation_config.eos_token_id`.

        Raises:
            ModelError: the template cannot be used, or nothing can end an answer.
        """
        own = tokenizer.get_chat_template() if template == "auto" and tokenizer.chat_template else None
        self.source: str = own or _chatml(tokenizer)
        self.encoder = encoder_for(tokenizer, self.source)
        self._tokenizer = tokenizer
        self._skeletons: dict[tuple[str, ...], Skeleton] = {}
        mark = secrets.token_hex(8)
        self._stand_in = f"S{mark}S"
        self.takes_system = self._takes_system()
        stops = {*stop_ids, tokenizer.eos_token_id} - {None}
        self.lead, self._closing, self.end_ids = self._around_answer(stops)
        self.stop_ids = frozenset({*stops, self.end_ids[-1]})

    def frame(self, messages: Sequence[Message], gap: str) -> Frame:
        """The prompt for `messages`, open where `gap` stands in the last one, ready for an answer.

        Raises:
            BadConversation: the template refuses these roles in this order.
            ValueError: `gap` is not there, or more than once.
        """
        messages = messages if self.takes_system else _without_system(messages)
        skeleton = self.skeleton(tuple(message["role"] for message in messages))
        opening, *closing = messages[-1]["content"].split(gap)
        if len(closing) != 1:
            raise ValueError(f"the text must stand in the last message exactly once, it is there {len(closing)} times")
        written = []
        for index, message in enumerate(messages):
            markup, content = skeleton.markup[index], _trimmed(message["content"], skeleton.trims[index])
            if index and messages[index - 1]["role"] == "assistant":
                markup = markup[self._ending_length(markup) :]
            if message["role"] == "assistant":
                markup, content = self._supervise(markup, content, skeleton.markup[index + 1])
            written += [markup, content]
        before, after = "".join(written[:-1]), skeleton.markup[-1] + self._closing
        return Frame(before, opening, closing[0], after, skeleton.trims[-1])

    def skeleton(self, roles: tuple[str, ...]) -> Skeleton:
        """The markup around messages with these `roles`, the generation prompt included."""
        if roles not in self._skeletons:
            self._skeletons[roles] = self._take_apart(roles)
        return self._skeletons[roles]

    def decode(self, ids: Sequence[int]) -> str:
        """The completion as text, up to the first stop token. Other control tokens stay visible."""
        kept = list(takewhile(lambda number: number not in self.stop_ids, ids))
        text: str = self._tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def _supervise(self, opening: str, content: str, following: str) -> tuple[str, str]:
        """Put boundaries around an earlier answer and its end token."""
        lead = self.lead if self.lead and opening.endswith(self.lead) else ""
        ending = following[: self._ending_length(following)]
        boundary = self.encoder.boundary
        return opening[: len(opening) - len(lead)] + boundary, lead + content + ending + boundary

    def _ending_length(self, markup: str) -> int:
        """How much of the markup after an answer belongs to the answer: up to its end token, 0 without one."""
        found = self.encoder.first_control(markup)
        return found[1] if found and found[2] in self.stop_ids and not markup[: found[0]].strip() else 0

    def _take_apart(self, roles: tuple[str, ...]) -> Skeleton:
        stand_ins = [f"{self._stand_in}{index}E" for index in range(len(roles))]
        plain = self._cut(self._write(roles, stand_ins), stand_ins)
        padded = self._cut(self._write(roles, [_PAD + word + _PAD for word in stand_ins]), stand_ins)
        trims = tuple((not padded[i].endswith(_PAD), not padded[i + 1].startswith(_PAD)) for i in range(len(roles)))
        return Skeleton(tuple(map(self.encoder.markup, plain)), trims)

    def _write(self, roles: Sequence[str], contents: Sequence[str], *, ask: bool = True) -> str:
        conversation = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
        try:
            written: str = self._tokenizer.apply_chat_template(
                conversation, chat_template=self.source, tokenize=False, add_generation_prompt=ask, **SETTINGS
            )
        except TemplateError as error:
            raise BadConversation(str(error)) from error
        return written

    def _cut(self, written: str, stand_ins: Sequence[str]) -> list[str]:
        pieces = []
        for word in stand_ins:
            piece, found, written = written.partition(word)
            if not found or word in written:
                raise BadConversation("the template leaves a message out, or writes one twice")
            pieces.append(piece)
        return [*pieces, written]

    def _takes_system(self) -> bool:
        try:
            self.skeleton(("user",))
        except BadConversation as error:
            raise ModelError(
                f"the model's chat template cannot write a question: {error}", fix='set model.chat_template = "chatml"'
            ) from error
        try:
            self.skeleton(("system", "user"))
        except BadConversation:
            return False
        return True

    def _around_answer(self, stops: set[int]) -> tuple[str, str, tuple[int, ...]]:
        """White space before an answer, markup that the prompt lacks before it, and the tokens that end it."""
        question, answer, more = (f"{self._stand_in}{index}E" for index in range(3))
        asked = self._write(("user",), (question,))
        try:
            said = self._cut(self._write(("user", "assistant"), (question, answer), ask=False), (question, answer))
            words = (question, answer, more)
            continued = self._cut(self._write(("user", "assistant", "user"), words), words)
        except BadConversation as error:
            raise ModelError(
                f"the model's chat template cannot write an answer: {error}", fix='set model.chat_template = "chatml"'
            ) from error
        opened = said[0] + question + said[1]
        between = opened[len(asked) :] if opened.startswith(asked) else ""
        lead, closing = (between, "") if not between.strip() else ("", self.encoder.markup(between))
        return lead, closing, self._end(self.encoder.markup(said[2]), self.encoder.markup(continued[2]), stops)

    def _end(self, own: str, following: str, stops: set[int]) -> tuple[int, ...]:
        """`own` is the markup after a last answer, `following` the markup between an answer and the next question."""
        if found := self.encoder.first_control(own):
            start, end, number = found
            return tuple(self.encoder.encode(own[:end])[0]) if own[:start].strip() else (number,)
        found = self.encoder.first_control(following)
        if found and not following[: found[0]].strip() and found[2] in stops:
            return (found[2],)
        if self._tokenizer.eos_token_id is None:
            raise ModelError(
                "nothing can end an answer: the chat template writes no control token after it, and the tokenizer has "
                "no eos_token",
                fix="set eos_token in the model's tokenizer_config.json",
            )
        return (self._tokenizer.eos_token_id,)


def _trimmed(content: str, trims: tuple[bool, bool]) -> str:
    content = content.lstrip() if trims[0] else content
    return content.rstrip() if trims[1] else content


def _chatml(tokenizer: Any) -> str:
    """ChatML, behind the beginning-of-sequence token where the tokenizer is used to one."""
    ids = tokenizer("a")["input_ids"]
    begins = tokenizer.bos_token_id is not None and ids[:1] == [tokenizer.bos_token_id]
    return ("{{ bos_token }}" if begins else "") + CHATML


def _without_system(messages: Sequence[Message]) -> Sequence[Message]:
    """System messages at the beginning, put before the first question, for templates without that role."""
    if len(messages) < 2 or messages[0]["role"] != "system" or messages[1]["role"] != "user":
        return messages
    content = messages[0]["content"] + "\n\n" + messages[1]["content"]
    return [{"role": "user", "content": content}, *messages[2:]]
