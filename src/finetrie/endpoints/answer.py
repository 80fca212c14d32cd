"""What an OpenAI-compatible server said, read from its response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response of the server: it is paid for, whether it is of use or not."""

    text: str | None  # what the model said, without its reasoning; None: no choice, or a choice without words
    reasoning: str | None  # thinking that came before it, in a field of its own or between <think> and </think>
    finish: str | None  # "stop"; "length": cut at max_tokens; "content_filter": held back
    prompt_tokens: int | None  # None: the server does not say
    answer_tokens: int | None
    model: str | None  # as the server names it, often more precise than it was asked for
    host: str  # of the endpoint that answered
    token_ids: Sequence[int] | None = None  # of the text and what ended it; None: the server does not say
    top: Sequence[Mapping[str, float]] | None = None  # at each of them, token -> log-probability, as far as asked for

    @property
    def tokens(self) -> int | None:
        if self.prompt_tokens is None and self.answer_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.answer_tokens or 0)


class NoAnswer(Exception):
    """The response is no completion."""


def read_answer(value: Any, host: str) -> Answer:
    """The first choice of a completion, of messages or of a prompt.

    A completion without choices or without words is an answer with no text, because it was charged.

    Raises:
        NoAnswer: not a completion at all, such as an error page or an error sent with status 200.
    """
    if not isinstance(value, Mapping):
        raise NoAnswer(f"expected a JSON object, got {type(value).__name__}")
    choices = value.get("choices")
    if not isinstance(choices, list):
        said = complaint(value)
        raise NoAnswer(f"the response has no choices: {said}" if said else "the response has no choices")
    choice = _mapping(choices[0] if choices else None)
    message = _mapping(choice.get("message"))
    if "message" in choice or "text" not in choice:
        thinking, text = _without_thinking(_words(message.get("content")))
    else:  # what continues a prompt is taken as it is
        thinking, text = None, _string(choice["text"])
    reasoning = _words(message.get("reasoning_content")) or _words(message.get("reasoning")) or thinking
    usage = _mapping(value.get("usage"))
    return Answer(
        text=text,
        reasoning=reasoning,
        finish=_string(choice.get("finish_reason")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        answer_tokens=_count(usage.get("completion_tokens")),
        model=_string(value.get("model")),
        host=host,
        token_ids=_token_ids(choice.get("token_ids")),
        top=_top(_mapping(choice.get("logprobs")).get("top_logprobs")),
    )


def complaint(value: Any) -> str:
    """The message of a server's error object, in any of the usual shapes; "" where there is none."""
    if isinstance(value, Mapping):
        for key in ("error", "message", "detail", "msg"):
            if value.get(key):
                return complaint(value[key])
    if isinstance(value, list) and value:
        return complaint(value[0])
    return " ".join(value.split())[:300] if isinstance(value, str) else ""


def _without_thinking(content: str | None) -> tuple[str | None, str | None]:
    """(thinking, answer). Chat templates that open the thinking themselves leave only its end in the response."""
    if content is None:
        return None, None
    before, end, after = content.partition("</think>")
    if end:
        return before.strip().removeprefix("<think>").strip() or None, after.strip()
    if content.lstrip().startswith("<think>"):
        return content.strip().removeprefix("<think>").strip() or None, None
    return None, content


def _words(content: Any) -> str | None:
    """Content as one string; some servers send a list of parts."""
    if isinstance(content, list):
        parts = [_string(_mapping(part).get("text")) for part in content]
        return "".join(part for part in parts if part is not None) or None
    return _string(content)


def _token_ids(value: Any) -> list[int] | None:
    whole = isinstance(value, list) and all(_count(number) is not None for number in value)
    return value if whole else None


def _top(value: Any) -> list[dict[str, float]] | None:
    """At each token of a completion, the log-probabilities that the server tells."""
    if not isinstance(value, list):
        return None
    return [
        {token: float(known) for token, known in _mapping(place).items() if isinstance(known, (int, float))}
        for place in value
    ]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
