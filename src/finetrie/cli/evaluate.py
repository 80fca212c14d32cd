"""`finetrie evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finetrie.cli.endpoint import (
    EndpointConcurrency,
    EndpointKey,
    EndpointModel,
    EndpointRoute,
    EndpointTimeout,
    EndpointTries,
    EndpointUrl,
    named_endpoint,
)
from finetrie.cli.options import AsJson, Source


def evaluate(
    source: Source,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="Another labelled file in place of the test rows."),
    ] = None,
    endpoint: EndpointUrl = None,
    model: EndpointModel = None,
    route: EndpointRoute = None,
    key_env: EndpointKey = None,
    concurrency: EndpointConcurrency = None,
    timeout: EndpointTimeout = None,
    tries: EndpointTries = None,
    as_json: AsJson = False,
) -> None:
    """Score a trained run on its test rows, or on another labelled file; print the scores.

    With --endpoint, the model behind an OpenAI-compatible server (vLLM, `finetrie serve`, a hosted one) answers in
    place of the run's own, also one that finetrie did not train. Every answer is kept: the same command again asks
    only for what has none.

    Examples:

        finetrie evaluate runs/news-lora-1a2b3c4d

        finetrie evaluate runs/news-lora-1a2b3c4d --data last_month.jsonl --json

        finetrie evaluate runs/news-lora-1a2b3c4d --endpoint http://127.0.0.1:8000/v1 --model news-lora-1a2b3c4d

        finetrie evaluate run.toml --endpoint https://llm.example/v1 --model large --key-env LLM_KEY
    """
    from finetrie import steps
    from finetrie.cli.console import Terminal
    from finetrie.cli.summary import print_metrics

    asked = named_endpoint(
        endpoint, model, route=route, key_env=key_env, concurrency=concurrency, timeout=timeout, tries=tries
    )
    result = steps.evaluate(source, data=data, endpoint=asked, progress=Terminal())
    if as_json:
        typer.echo(json.dumps(result.metrics, ensure_ascii=False))
    else:
        print_metrics(result)
    typer.echo(f"results: {result.path}", err=True)
