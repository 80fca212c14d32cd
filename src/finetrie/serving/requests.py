"""What a client may ask, checked: a parameter that would be ignored is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finetrie.errors import suggest
from finetrie.records import Message


class BadRequest(Exception):
    """The request cannot be answered; the message says why and what to do."""

    def __init__(self, reason: str, *, parameter: str | None = None, status: int = 400) -> None:
        super().__init__(reason)
        self.parameter, self.status = parameter, status


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Part(_Strict):
    """A piece of a message's content; only text can be read."""

    type: Literal["text"]
    text: str


class Turn(_Strict):
    """One message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part]
    name: str | None = None

    @property
    def message(self) -> Message:
        content = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": content}


class Choice(_Strict):
    """vLLM's way to hold an answer to a few words."""

    choice: list[str] = Field(min_length=1)


class Asked(_Strict):
    """What both kinds of request have in common. Answers are greedy: sampling parameters have one value each."""

    model: str
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stream: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None  # greedy answers do not depend on it
    user: str | None = None  # for the server's statistics; there are none
    structured_outputs: Choice | None = None

    def check(self) -> None:
        """Refuse what would change the answer and is not done here."""
        if self.temperature not in (None, 0):
            raise BadRequest(
                "temperature: answers are greedy here; leave it out or set it to 0", parameter="temperature"
            )
        for name, only in (("top_p", 1), ("n", 1)):
            if getattr(self, name) not in (None, only):
                raise BadRequest(f"{name}: only {only} is possible here", parameter=name)
        if self.stream:
            raise BadRequest("stream: answers come in one piece here; set it to false", parameter="stream")


class ChatAsked(Asked):
    """The body of POST /v1/chat/completions."""

    messages: list[Turn] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)


class PromptAsked(Asked):
    """The body of POST /v1/completions."""

    prompt: str | list[int]
    echo: bool | None = None
    stop_token_ids: list[int] | None = None
    return_token_ids: bool | None = None


R = TypeVar("R", bound=Asked)


def read(kind: type[R], body: Any) -> R:
    """The request, or a BadRequest that names every problem."""
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    try:
        asked = kind.model_validate(body)
    except ValidationError as error:
        problems = [_explained(problem, kind) for problem in error.errors()[:5]]
        raise BadRequest("; ".join(problems), parameter=str(error.errors()[0]["loc"][0])) from None
    asked.check()
    return asked


def _explained(problem: Any, kind: type[Asked]) -> str:
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        known = list(kind.model_fields)
        return f"{where}: not possible here{suggest(where, known)} (possible: {', '.join(sorted(known))})"
    message = str(problem["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}"
