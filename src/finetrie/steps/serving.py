"""Serve: a trained run answers programs that speak OpenAI's protocol."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from finetrie.data.preparation import Plan, prepare_rows
from finetrie.errors import CheckpointError, ConfigError
from finetrie.inference import LocalEngine
from finetrie.records import Example
from finetrie.serving import Served, app
from finetrie.steps.cleaning import plan
from finetrie.steps.evaluating import load_base, tuned
from finetrie.steps.progress import Progress, Quiet
from finetrie.steps.training import answer_limit
from finetrie.steps.workspace import Workspace, open_workspace


def load_served(directory: Path | str) -> Served:
    """A trained run, ready to be served under the name of its directory.

    Raises:
        CheckpointError: the run is not trained.
        ModelError: its base model cannot be loaded.
    """
    workspace = open_workspace(Path(directory), create=False)
    if not workspace.done("train"):
        raise CheckpointError(f"{workspace.path}: is not trained yet", fix=f"run: finetrie train {directory}")
    base, renderer = load_base(workspace)
    model = tuned(workspace, base)
    return Served(
        name=workspace.path.resolve().name,
        engine=LocalEngine(model, renderer),
        renderer=renderer,
        limit=answer_limit(workspace.run, renderer),
        context=getattr(model.config, "max_position_embeddings", None) or renderer.max_tokens,
        clean=_cleaning(workspace),
    )


def serve(
    directory: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    started: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Answer requests until interrupted. `started` is told the address, once requests are accepted.

    Raises:
        CheckpointError: the run is not trained.
        ConfigError: the address cannot be used, or the server's libraries are not installed.
    """
    import uvicorn

    progress = progress or Quiet()
    with _bound(host, port) as listening:  # a port that is taken says so before the model is loaded
        application = app(load_served(directory))
        address = listening.getsockname()
        if host not in ("127.0.0.1", "localhost", "::1"):
            progress.notice("anybody who can reach this address can ask: there is no key")
        listening.listen(2048)  # requests wait for the server from here on
        if started is not None:
            started(f"http://{f'[{host}]' if ':' in host else host}:{address[1]}/v1")
        config = uvicorn.Config(application, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
        except BaseException:
            bound.close()
            raise
    except (OSError, OverflowError) as error:
        raise ConfigError(f"{host}:{port}: cannot be used: {error}", fix="choose another --port or --host") from None
    return bound


def _cleaning(workspace: Workspace) -> Callable[[str], str]:
    """What `[prepare]` does to a text."""
    return partial(_cleaned, asked=plan(workspace.run, reduce=False), kind=workspace.run.task.kind)


def _cleaned(text: str, *, asked: Plan, kind: str) -> str:
    example = Example("request", text, None, "request")
    return prepare_rows([example], asked, kind=kind, reduce=False).examples[0].text
