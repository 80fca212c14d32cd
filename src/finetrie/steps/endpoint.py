"""A served model, as a command names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finetrie.endpoints import Client
from finetrie.files import text_hash


@dataclass(frozen=True)
class Endpoint:
    """Whom to ask in place of the run's own model, and how.

    >>> from finetrie.endpoints import Client
    >>> Endpoint(Client("http://127.0.0.1:8000/v1", "news-lora")).route
    'auto'
    """

    client: Client
    route: Literal["auto", "completions", "chat"] = "auto"  # tokens or messages; auto: tokens where the server can

    def key(self, rows: str) -> str:
        """Names these questions about these rows: another address, model, route or parameter gives another key."""
        client = self.client
        return text_hash(rows, client.base_url, client.model, self.route, repr(sorted(client.parameters.items())))
