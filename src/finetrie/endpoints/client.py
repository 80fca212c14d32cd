"""Whom to ask, how often and with which parameters; and what one request is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from finetrie.endpoints.pacing import Clock
from finetrie.errors import ConfigError
from finetrie.files import text_hash
from finetrie.records import Message

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 8192
"""Tokens an answer is taken to have at most where no parameter limits it."""

WARMER = 0.7
"""Least temperature of a second answer: at 0 a model would say again what was refused."""

CHAT = "/chat/completions"
COMPLETIONS = "/completions"
"""Paths of the two questions that an OpenAI-compatible server answers: messages, and text or tokens to go on from."""

_OURS = ("model", "messages", "prompt", "n", "stream")
_MESSAGE_TOKENS = 16  # what a chat template adds around one message, generously


@dataclass(frozen=True)
class Request:
    """One question to a model. Equal requests have equal keys, whichever server they go to."""

    body: Mapping[str, Any]
    draw: int  # which of several answers to the same question
    path: str = CHAT  # of the API, below the server's address

    @cached_property
    def key(self) -> str:
        """SHA-256 of model, question, parameters and draw."""
        return text_hash(json.dumps(self.body, sort_keys=True), str(self.draw))

    @cached_property
    def most_tokens(self) -> int:
        """A bound on question and answer together: a tokenizer makes at most one token of a UTF-8 byte."""
        if "prompt" in self.body:  # token ids
            asked = len(self.body["prompt"])
        else:
            messages: Sequence[Message] = self.body["messages"]
            asked = sum(len(m["content"].encode("utf-8", "surrogatepass")) + _MESSAGE_TOKENS for m in messages)
        limits = [self.body.get(name) for name in ("max_tokens", "max_completion_tokens")]
        return asked + max((limit for limit in limits if isinstance(limit, int)), default=LONGEST_ANSWER)


@dataclass(frozen=True)
class Client:
    """An OpenAI-compatible server, and how hard it may be worked. Holds the key's name, never the key.

    Raises:
        ConfigError: an address that is none or holds a password, a limit below one, or a parameter that is not free.
    """

    base_url: str  # with its version, such as "https://llm.example/v1"
    model: str
    _: KW_ONLY
    key_env: str | None = None  # name of the environment variable that holds the key; None: the server wants none
    concurrency: int = 8  # requests under way at once
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None  # questions and answers together
    timeout: float = 120.0  # seconds for one whole response
    tries: int = 6  # requests for one answer, when the server is busy or the line breaks
    parameters: Mapping[str, Any] = field(default_factory=dict)  # over the recipe's; None takes one out
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None  # another way to the server, such as a Unix socket
    clock: Clock = field(default_factory=Clock, repr=False)

    def __post_init__(self) -> None:
        _check_address(self.base_url)
        for name in ("concurrency", "tries"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("requests_per_minute", "tokens_per_minute", "timeout"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise ConfigError(f"{name}: expected more than 0, got {value}")
        for name in _OURS:
            if name in self.parameters:
                raise ConfigError(f"parameters.{name}: cannot be set here", fix="leave it out")
        if not isinstance(self.parameters.get("seed", 0), int | None):
            raise ConfigError(f"parameters.seed: expected a whole number, got {self.parameters['seed']!r}")
        try:
            json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"parameters: cannot be sent as JSON: {error}") from None

    @property
    def url(self) -> str:
        return self.address(CHAT)

    def address(self, path: str) -> str:
        """Where requests with this path go."""
        return self.base_url.rstrip("/").removesuffix(CHAT) + path

    @property
    def host(self) -> str:
        """Host and port, as provenance shows them."""
        return urlsplit(self.base_url).netloc

    def key(self) -> str | None:
        """The key, read now.

        Raises:
            ConfigError: the variable is not set, or what it holds cannot be a key. The message does not show it.
        """
        if self.key_env is None:
            return None
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise ConfigError(
                f"the environment variable {self.key_env} is not set; it should hold the key of {self.host}",
                fix=f"export {self.key_env}=...",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"the environment variable {self.key_env} holds spaces or characters that no key has",
                fix="copy the key again, without quotes or line breaks",
            )
        return key

    def request(self, messages: Sequence[Message], parameters: Mapping[str, Any], draw: int) -> Request:
        """The request for one answer: its own seed for each draw, and warmer than greedy after the first.

        `seed`, `temperature` and all other parameters can be taken out, for servers that refuse them.
        """
        chosen = {"seed": 0, **parameters, **self.parameters}
        body = {name: value for name, value in chosen.items() if value is not None}
        if draw and isinstance(body.get("temperature"), (int, float)):
            body["temperature"] = max(body["temperature"], WARMER)
        if "seed" in body:
            body["seed"] += draw
        return Request({"model": self.model, "messages": list(messages), **body}, draw)


def _check_address(base_url: str) -> None:
    # The address itself may hold a password, so no message shows it.
    try:
        parts = urlsplit(base_url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ConfigError(
            "base_url: expected an address such as https://llm.example/v1", fix="write http:// or https:// and the host"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "base_url: user names, passwords, queries and fragments do not belong into the address",
            fix="put the key into an environment variable and name that in key_env",
        )
