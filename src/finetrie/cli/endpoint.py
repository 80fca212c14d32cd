"""Options of the commands that can ask a served model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    Literal["auto", "completions", "chat"] | None,
    typer.Option(
        "--route", help="Ask with tokens (completions) or messages (chat). Default: what works.", rich_help_panel=PANEL
    ),
]
EndpointKey = Annotated[
    str | None,
    typer.Option("--key-env", metavar="NAME", help="Environment variable with the key.", rich_help_panel=PANEL),
]
EndpointConcurrency = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", help="Requests under way at once. Default: 8.", rich_help_panel=PANEL),
]
EndpointTimeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", help="For one whole response. Default: 120.", rich_help_panel=PANEL),
]
EndpointTries = Annotated[
    int | None,
    typer.Option("--tries", metavar="N", help="Requests for one answer at most. Default: 6.", rich_help_panel=PANEL),
]


def named_endpoint(
    url: str | None,
    model: str | None,
    *,
    route: Literal["auto", "completions", "chat"] | None,
    **limits: Any,
) -> Endpoint | None:
    """The endpoint that the options name, if they name one; `limits` are settings of the client, None where not given.

    Raises:
        ConfigError: a model without an endpoint or the other way round, or settings that cannot be.
    """
    given = {name: value for name, value in limits.items() if value is not None}
    if url is None and model is None and route is None and not given:
        return None
    if url is None or model is None:
        missing = "--endpoint URL" if url is None else "--model NAME"
        raise ConfigError("--endpoint and --model belong together", fix=f"add {missing}")
    from finetrie.endpoints import Client
    from finetrie.steps.endpoint import Endpoint

    return Endpoint(Client(url, model, **given), route or "auto")
