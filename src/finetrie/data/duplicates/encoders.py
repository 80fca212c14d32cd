"""Encoders by name: the offline one, a local sentence-transformers model, or an embedding service."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.vectors import CharacterNgrams, Encoder
from finetrie.endpoints.pacing import backoff, retry_after
from finetrie.errors import ConfigError, ModelError, suggest

TEXTS_AT_ONCE = 64
TRIES = 6
OFFLINE, LOCAL = "offline", "sentence-transformers"
KEY = "EMBEDDINGS_API_KEY"
"""The environment variable whose value, where it is set, is sent to an embedding service as its key."""

ALIKE_OFFLINE = 0.6
"""Measured on headlines with planted edits: from here on the offline encoder finds .93 of texts with three characters
substituted (Jaccard of .5: .90) and every swap, and brings no pair of different headlines; at .9 it finds half of the
texts with one character substituted."""

ALIKE_TRAINED = 0.9
"""A cautious start. Trained encoders differ in their scale: look at the pairs on the card before you lower it."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How rows are compared by vectors."""

    encoder: Encoder
    alike: float  # the cosine from which two rows are a pair

    def arguments(self) -> dict[str, Any]:
        """As `find_duplicates` and `find_leaks` take it."""
        return {"vectors": self.encoder, "alike": self.alike}


def retrieval(name: str, *, similarity: float | None = None, transport: Any = None) -> Retrieval:
    """The encoder that a name stands for, and the similarity from which its pairs count.

    Args:
        name: "offline"; "sentence-transformers:FOLDER" or a model's name on a hub; "http://HOST/v1#MODEL" for an
            OpenAI-compatible service.
        similarity: a cosine; None: .6 for the offline encoder, .9 for the others.
        transport: an `httpx` transport, for tests and proxies.

    Raises:
        ConfigError: no such encoder, or its library is not installed.
        ModelError: the model cannot be loaded.
    """
    kind, _, model = name.partition(":")
    if name == OFFLINE:
        return Retrieval(CharacterNgrams(), ALIKE_OFFLINE if similarity is None else similarity)
    encoder: Encoder
    if kind == LOCAL and model:
        encoder = SentenceEncoder(model)
    elif kind in ("http", "https") and urlsplit(name).netloc and urlsplit(name).fragment:
        url, _, served = name.rpartition("#")
        encoder = ServedEncoder(url, served, key=os.environ.get(KEY) or None, transport=transport)
    else:
        raise ConfigError(
            f"no such encoder {name!r}{suggest(kind, (OFFLINE, LOCAL))}",
            fix=f'choose "{OFFLINE}", "{LOCAL}:FOLDER-OR-NAME" or "http://HOST/v1#MODEL"',
        )
    return Retrieval(Remembering(encoder), ALIKE_TRAINED if similarity is None else similarity)


class Remembering:
    """An encoder that is asked about each text once, because the same rows are searched for copies and for leaks.

    Memory: 4 bytes a dimension and text. Not for encoders whose vectors depend on the other texts.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, np.asarray(self._encoder(new), np.float32), strict=True))
        return np.stack([self._known[text] for text in texts])


class SentenceEncoder:
    """A model for sentence-transformers, from a local folder or, if it is not one, by its name on a hub."""

    def __init__(self, model: str, *, device: str | None = None) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise ConfigError(
                "an encoder of sentence-transformers needs that library, which is not installed",
                fix='pip install "finetrie[embeddings]", or use the offline encoder',
            ) from None
        try:
            self._model: Any = SentenceTransformer(model, device=device)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{LOCAL}: {model}: cannot be loaded: {' '.join(str(error).split())[:200]}",
                fix="name a folder with such a model, or one that the hub has",
            ) from error

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._model.encode(list(texts), batch_size=TEXTS_AT_ONCE, show_progress_bar=False))


class ServedEncoder:
    """An embedding model behind an OpenAI-compatible service: POST {url}/embeddings.

    A service that is busy or out of reach is asked again, `TRIES` times in all, with growing pauses or those it names.

    Args:
        url: up to and with the version: "http://localhost:8000/v1". Texts are sent there and nowhere else.
        key: sent as a bearer token, when given.
        transport: an `httpx` transport, for tests and proxies.
        sleep: waits for so many seconds; a test gives its own.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        timeout_seconds: float = 60,
        transport: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self.model, self.key = f"{url.rstrip('/')}/embeddings", model, key
        self.timeout_seconds, self.transport, self.sleep = timeout_seconds, transport, sleep

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors in the order of `texts`.

        Raises:
            ModelError: the service cannot be reached, refuses, or answers with something else than one vector a text.
        """
        import httpx

        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        parts: list[NDArray[np.float32]] = []
        with httpx.Client(headers=headers, timeout=self.timeout_seconds, transport=self.transport) as client:
            for begin in range(0, len(texts), TEXTS_AT_ONCE):
                part = list(texts[begin : begin + TEXTS_AT_ONCE])
                try:
                    parts.append(_vectors(self._answer(client, part).json(), len(part)))
                except httpx.HTTPError as error:
                    raise self._failed(str(error) or type(error).__name__) from error
                except (ValueError, KeyError, TypeError) as error:
                    raise self._failed(f"the answer is not one vector a text ({error})") from error
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)

    def _answer(self, client: Any, part: list[str]) -> Any:
        """The response to some texts; raises httpx.HTTPError when the last try fails, too, or none would help."""
        import httpx

        for tries in range(1, TRIES + 1):
            wait = None
            try:
                answer = client.post(self.url, json={"model": self.model, "input": part})
                if answer.status_code not in (408, 425, 429) and answer.status_code < 500:
                    return answer.raise_for_status()
                wait = retry_after(answer.headers, time.time())
                if tries == TRIES:
                    answer.raise_for_status()
            except httpx.TransportError:
                if tries == TRIES:
                    raise
            self.sleep(backoff(tries, part[0]) if wait is None else wait)
        raise AssertionError("the last try returns or raises")

    def _failed(self, what: str) -> ModelError:
        return ModelError(
            f"{self.url}: {what}", fix=f"check that the service runs and offers the embedding model {self.model!r}"
        )


def _vectors(answer: Any, expected: int) -> NDArray[np.float32]:
    """The vectors of one answer by their `index`, which services need not keep in order."""
    by_index = {item["index"]: item["embedding"] for item in answer["data"]}
    if sorted(by_index) != list(range(expected)):
        raise ValueError(f"{len(by_index)} vectors for {expected} texts")
    return np.array([by_index[i] for i in range(expected)], dtype=np.float32)
