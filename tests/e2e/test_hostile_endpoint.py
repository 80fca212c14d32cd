"""An evaluation over a server that does everything wrong: the counts close, and `kill -9` pays for nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import FAST, write_jsonl

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

TIMEOUT = 4
"""Seconds; answers that are no trouble come at once, also from a busy machine."""

TROUBLES = ("429", "500", "hang", "cut stream", "empty choices", "wrong JSON", "slow")


@dataclass
class Hostile:
    """Answers "体育". The rows whose text names a trouble get it, once, or for good where it says so."""

    hold: bool = False  # answer nothing more, so that whoever asks can be killed
    answered: Counter[str] = field(default_factory=Counter)  # text -> complete answers that were sent
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, handler: BaseHTTPRequestHandler, text: str) -> None:
        with self.lock:
            self.asked[text] += 1
            nth = self.asked[text]
        while self.hold:
            time.sleep(0.01)
        trouble = next((name for name in TROUBLES if f"[{name}" in text), None)
        if trouble is None or (nth > 1 and "for good" not in text):
            self._answer(handler, text, completion("体育"))
        elif trouble in ("429", "500"):
            send(handler, b"busy", status=int(trouble))
        elif trouble == "hang":
            time.sleep(3 * TIMEOUT)
        elif trouble == "slow":
            time.sleep(0.3)
            self._answer(handler, text, completion("体育"))
        elif trouble == "cut stream":
            send(handler, completion("体育")[:40], length=400)
        elif trouble == "empty choices":
            self._answer(handler, text, b'{"choices": []}')
        else:
            send(handler, b'{"answer": 42')

    def _answer(self, handler: BaseHTTPRequestHandler, text: str, content: bytes) -> None:
        send(handler, content)
        with self.lock:
            self.answered[text] += 1


def completion(text: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice]}).encode()


def send(handler: BaseHTTPRequestHandler, content: bytes, *, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(length or len(content)))
    handler.end_headers()
    handler.wfile.write(content)
    handler.close_connection = True


@contextmanager
def serving(hostile: Hostile) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            send(self, json.dumps({"data": [{"id": "large"}]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "messages" not in body:
                send(self, b'{"error": {"message": "chat only"}}', status=404)
            elif "structured_outputs" in body:
                send(self, b'{"error": {"message": "unknown parameter"}}', status=400)
            else:
                hostile.reply(self, body["messages"][-1]["content"])

        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):  # the client was killed, or tired of waiting
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        hostile.hold = False
        server.shutdown()
        server.server_close()
        thread.join()


def prepared(folder: Path, base: Path, texts: list[str]) -> Path:
    """A prepared run whose test rows are `texts`, every one of them about sports; nothing is trained."""
    labels = ["体育", "财经"]
    write_jsonl(folder / "train.jsonl", [{"text": f"第{i}条", "label": labels[i % 2]} for i in range(12)])
    write_jsonl(folder / "test.jsonl", [{"text": text, "label": "体育"} for text in texts])
    finetrie.init([folder / "train.jsonl", folder / "test.jsonl"], model=str(base), out=folder / "run.toml")
    return finetrie.prepare(folder / "run.toml", overrides=FAST[1::2], out=folder / "run").path


def command(run: Path, url: str, *more: str) -> list[str]:
    asked = ["evaluate", str(run), "--endpoint", url, "--model", "large", "--timeout", str(TIMEOUT), *more]
    return [sys.executable, "-m", "finetrie.cli.main", *asked]


def results(run: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (metrics,) = (run / "evaluations").glob("large-*/metrics.json")
    return read_json(metrics), list(read_jsonl(metrics.with_name("predictions.jsonl")))


def test_the_counts_close_whatever_the_server_does(tmp_path: Path, base: Path) -> None:
    """Troubles that pass change nothing; those that last are failed rows, with their reason."""
    texts = [f"[{trouble}{lasting}] 球赛" for trouble in TROUBLES for lasting in ("", " for good")] + ["决赛", "半决赛"]
    run = prepared(tmp_path, base, texts)
    hostile = Hostile()
    with serving(hostile) as url:
        done = subprocess.run(command(run, url, "--tries", "2"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    metrics, rows = results(run)
    assert [row["text"] for row in rows] == texts
    failed = {row["text"]: row["details"]["error"] for row in rows if row["outcome"] == "failed"}
    assert set(failed) == {f"[{trouble} for good] 球赛" for trouble in TROUBLES if trouble != "slow"}
    assert "429" in failed["[429 for good] 球赛"]
    assert f"no response within {TIMEOUT} s" in failed["[hang for good] 球赛"]
    assert metrics["outcomes"] == {
        "correct": len(texts) - 6,
        "wrong": 0,
        "out_of_label_set": 0,
        "unparsable": 0,
        "failed": 6,
    }
    assert sum(metrics["outcomes"].values()) == metrics["n"] == len(texts)
    assert "6 rows have no answer" in " ".join(done.stderr.split())


def test_killed_and_started_again_it_pays_for_no_answer_twice(tmp_path: Path, base: Path) -> None:
    texts = [f"第{i}场球赛" for i in range(30)]
    run = prepared(tmp_path, base, texts)
    hostile = Hostile()
    with serving(hostile) as url:
        for reached in (6, 18):  # as many answers are out; then nothing more comes, and the process is killed
            hostile.hold = False
            process = subprocess.Popen(
                command(run, url, "--concurrency", "2", "--timeout", "60"), stderr=subprocess.DEVNULL
            )
            try:
                wait_until(lambda least=reached: sum(hostile.answered.values()) >= least, process)
                hostile.hold = True
                wait_until(lambda: kept(run) >= sum(hostile.answered.values()) - 1, process)
            finally:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            assert not list(run.glob("evaluations/*/metrics.json"))
        hostile.hold = False
        paid_before = kept(run)
        subprocess.run(command(run, url), check=True, capture_output=True)
        asked_then = sum(hostile.asked.values())
        subprocess.run(command(run, url), check=True, capture_output=True)
        assert sum(hostile.asked.values()) - asked_then <= 1, "a finished evaluation asks only what the server can do"
    metrics, rows = results(run)
    assert paid_before >= 18 - 2
    assert metrics["outcomes"]["correct"] == metrics["n"] == 30
    assert [row["text"] for row in rows] == texts
    again = {text: count for text, count in hostile.answered.items() if count > 1}
    assert sum(again.values()) - len(again) <= 2 * 2 + 3, (
        f"only answers on their way when it was killed, and probes: {again}"
    )


def kept(run: Path) -> int:
    """Answers that are on disk."""
    import sqlite3

    found = list(run.glob("evaluations/*/answers.sqlite"))
    if not found:
        return 0
    with sqlite3.connect(found[0]) as database:
        (count,) = database.execute("SELECT count(*) FROM answers").fetchone()
    database.close()
    return int(count)


def wait_until(reached: Any, process: subprocess.Popen[bytes]) -> None:
    while not reached():
        assert process.poll() is None, "ended before it was killed"
        time.sleep(0.005)
