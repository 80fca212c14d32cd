"""Options of the commands that can ask a served model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from finetrie.errors import ConfigError

if TYPE_CHECKING:
    from finetrie.steps.endpoint import Endpoint

PANEL = "A served model"

EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint", metavar="URL", help="OpenAI-compatible server, with its version: .../v1", rich_help_panel=PANEL
    ),
]
EndpointModel = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Model to ask for there.", rich_help_panel=PANEL)
]
EndpointRoute = Annotated[
    Literal["auto", "completions", "chat"],
    typer.Option(
        "--route", help="Ask with tokens (completions) or messages (chat). auto: see what works.", rich_help_panel=PANEL
    ),
]
EndpointKey = Annotated[
    str | None,
    typer.Option("--key-env", metavar="NAME", help="Environment variable with the key.", rich_help_panel=PANEL),
]
EndpointConcurrency = Annotated[
    int, typer.Option("--concurrency", metavar="N", help="Requests under way at once.", rich_help_panel=PANEL)
]
EndpointTimeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="For one whole response.", rich_help_panel=PANEL)
]
EndpointTries = Annotated[
    int, typer.Option("--tries", metavar="N", help="Requests for one answer, when it fails.", rich_help_panel=PANEL)
]


def named_endpoint(
    url: str | None,
    model: str | None,
    *,
    route: Literal["auto", "completions", "chat"],
    key_env: str | None,
    concurrency: int,
    timeout: float,
    tries: int,
) -> Endpoint | None:
    """The endpoint that the options name, if they name one.

    Raises:
        ConfigError: a model without an endpoint or the other way round, or settings that cannot be.
    """
    if url is None and model is None and key_env is None:
        return None
    if url is None or model is None:
        missing = "--endpoint URL" if url is None else "--model NAME"
        raise ConfigError("--endpoint and --model belong together", fix=f"add {missing}")
    from finetrie.endpoints import Client
    from finetrie.steps.endpoint import Endpoint

    client = Client(url, model, key_env=key_env, concurrency=concurrency, timeout=timeout, tries=tries)
    return Endpoint(client, route)
