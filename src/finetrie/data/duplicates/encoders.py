"""Encoders that need more than this package: a local sentence-transformers model, or an embedding service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrie.errors import ConfigError, ModelError

TEXTS_AT_ONCE = 64


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
        self._model: Any = SentenceTransformer(model, device=device)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._model.encode(list(texts), batch_size=TEXTS_AT_ONCE, show_progress_bar=False))


class ServedEncoder:
    """An embedding model behind an OpenAI-compatible service: POST {url}/embeddings.

    Args:
        url: up to and with the version: "http://localhost:8000/v1". Texts are sent there and nowhere else.
        key: sent as a bearer token, when given.
        transport: an `httpx` transport, for tests and proxies.
    """

    def __init__(
        self, url: str, model: str, *, key: str | None = None, timeout_seconds: float = 60, transport: Any = None
    ) -> None:
        self.url, self.model, self.key = f"{url.rstrip('/')}/embeddings", model, key
        self.timeout_seconds, self.transport = timeout_seconds, transport

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
                    answer = client.post(self.url, json={"model": self.model, "input": part})
                    answer.raise_for_status()
                    parts.append(_vectors(answer.json(), len(part)))
                except httpx.HTTPError as error:
                    raise self._failed(str(error) or type(error).__name__) from error
                except (ValueError, KeyError, TypeError) as error:
                    raise self._failed(f"the answer is not one vector a text ({error})") from error
        return np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)

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
