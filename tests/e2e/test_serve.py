"""`finetrie serve`: what a program gets over HTTP is what `finetrie predict` says, from the same prompt bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import finetrie
from finetrie.files import read_json, read_jsonl
from finetrie.steps.served import served_renderer
from finetrie.steps.workspace import open_workspace
from tests.e2e.conftest import FAST, Cli, write_jsonl

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@dataclass(frozen=True)
class Tuned:
    """A run that was trained a moment ago, and the address it is served at."""

    path: Path
    url: str
    texts: Sequence[str]
    answers: Sequence[str]  # of `finetrie predict`


@contextmanager
def served(run: Path) -> Iterator[str]:
    """`finetrie serve` in a process of its own; its address."""
    command = [sys.executable, "-m", "finetrie.cli.main", "serve", str(run), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Iterator[Tuned]:
    folder = tmp_path_factory.mktemp("served")
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    finetrie.init([folder / "train.jsonl"], model=str(base), out=folder / "run.toml")
    run = finetrie.train(folder / "run.toml", overrides=FAST[1::2], out=folder / "news").path
    texts = [row["text"] for row in rows[:20]]
    answers = [row["prediction"] for row in finetrie.predict_texts(run, texts)]
    with served(run) as url:
        yield Tuned(run, url, texts, answers)


def post(tuned: Tuned, path: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{tuned.url}{path}", json={"model": "news", **body}, timeout=120)


def test_the_server_says_what_it_has(tuned: Tuned) -> None:
    assert [model["id"] for model in httpx.get(f"{tuned.url}/models").json()["data"]] == ["news"]
    assert httpx.get(tuned.url.removesuffix("/v1") + "/health").json()["status"] == "ok"


@pytest.mark.parametrize("option", [("--route", "chat"), ("--tries", "2"), ("--model", "news")])
def test_settings_of_an_endpoint_without_one_are_no_evaluation_of_the_run(
    cli: Cli, tuned: Tuned, option: tuple[str, str]
) -> None:
    asked = cli("evaluate", tuned.path, *option)
    assert asked.code == 2
    assert "add --endpoint URL" in asked.err


def test_langchain_gets_the_predictions_of_predict(tuned: Tuned) -> None:
    """The way of many existing programs: ChatOpenAI at temperature 0, one request at a time and side by side."""
    langchain = pytest.importorskip("langchain_openai", reason="needs langchain-openai (in the extra dev)")
    model = langchain.ChatOpenAI(model="news", base_url=tuned.url, api_key="none", temperature=0, max_retries=0)
    assert [model.invoke(text).content for text in tuned.texts] == tuned.answers
    assert [answer.content for answer in model.batch(list(tuned.texts))] == tuned.answers
    renderer = served_renderer(open_workspace(tuned.path, create=False))
    written = [[(turn["role"], turn["content"]) for turn in renderer.task.messages(text)] for text in tuned.texts]
    assert [answer.content for answer in model.batch(written)] == tuned.answers, "with the prompt written out"


@pytest.mark.parametrize("route", ["completions", "chat"])
def test_an_evaluation_over_http_is_the_local_one(tuned: Tuned, cli: Cli, route: str) -> None:
    local = finetrie.evaluate(tuned.path)
    asked = cli("evaluate", tuned.path, "--endpoint", tuned.url, "--model", "news", "--route", route, "--json")
    assert asked.code == 0, asked.err
    (folder,) = (tuned.path / "evaluations").glob("news-*/metrics.json")
    metrics = read_json(folder)
    assert metrics["endpoint"]["route"] == route
    assert sum(metrics["outcomes"].values()) == metrics["n"] == local.metrics["n"]
    here = {row["id"]: row for row in read_jsonl(tuned.path / "predictions.jsonl")}
    there = list(read_jsonl(folder.with_name("predictions.jsonl")))
    # a chat is answered with the most probable label, a completion goes on freely
    own = {"completions": "free", "chat": "argmax"}[route]
    assert [row["decodings"]["free"] for row in there] == [here[row["id"]]["decodings"][own] for row in there]
    constrained = [row["decodings"]["constrained"] for row in there]
    if route == "completions":
        assert constrained == [here[row["id"]]["decodings"]["constrained"] for row in there]
        assert metrics["accuracy"] == local.metrics["accuracy"]
    for left in folder.parent.iterdir():
        left.unlink()
    folder.parent.rmdir()


def test_a_request_that_would_be_answered_otherwise_is_refused(tuned: Tuned) -> None:
    message = [{"role": "user", "content": tuned.texts[0]}]
    for wrong, status, said in [
        ({"temperature": 0.7}, 400, "answers are greedy here"),
        ({"stream": True}, 400, "answers come in one piece"),
        ({"n": 2}, 400, "n: only 1"),
        ({"tools": []}, 400, "tools: not possible here"),
        ({"model": "other"}, 404, "no model 'other'; it is 'news'"),
    ]:
        refused = post(tuned, "/chat/completions", messages=message, **wrong)
        assert (refused.status_code, said in refused.json()["error"]["message"]) == (status, True), refused.text


def test_a_port_that_is_taken_is_said_before_anything_is_loaded(tuned: Tuned, cli: Cli) -> None:
    port = tuned.url.rpartition(":")[2].partition("/")[0]
    refused = cli("serve", tuned.path, "--port", port)
    assert refused.code == 2
    assert "cannot be used" in refused.err
    assert "--port" in refused.err
