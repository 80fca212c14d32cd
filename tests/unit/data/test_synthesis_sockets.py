"""Real connections: servers that stop in the middle, and a process that is killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.synthesis import Cache, Label, write
from finetrie.files import read_jsonl, text_hash
from tests.unit.data.large_model import Body, asked, completion, over_socket, rules, send, serving, texts

RECIPE = Label(labels=("体育", "财经"))
WHOLE = json.dumps(completion("体育")).encode()


def half_of_it(handler: BaseHTTPRequestHandler) -> None:
    send(handler, WHOLE[:40], length=len(WHOLE))


def half_of_the_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"28\r\n" + WHOLE[:40] + b"\r\n")
    handler.close_connection = True


def nothing(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-nonsense\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("broken", [half_of_it, half_of_the_chunks, nothing, no_http])
def test_a_stream_that_is_cut_off_is_asked_for_again(
    tmp_path: Path, broken: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    seen: list[Body] = []

    def reply(handler: BaseHTTPRequestHandler, body: Body) -> None:
        seen.append(body)
        if len(seen) == 1:
            broken(handler)
        else:
            send(handler, WHOLE)

    with serving(tmp_path / "s", reply):
        assert rules(list(write(texts("球赛"), RECIPE, over_socket(tmp_path / "s")))) == ["written"]
    assert len(seen) == 2


@pytest.mark.parametrize("begins", [False, True], ids=["says nothing", "never ends"])
def test_a_server_that_hangs_is_left_after_the_time_for_a_whole_response(tmp_path: Path, begins: bool) -> None:
    """A limit on the time between two bytes would let a trickle go on for ever."""
    leave = threading.Event()

    def reply(handler: BaseHTTPRequestHandler, body: Body) -> None:
        if begins:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not leave.wait(0.005):
                handler.wfile.write(b" ")
        leave.wait()
        handler.close_connection = True

    with serving(tmp_path / "s", reply):
        results = list(write(texts("球赛"), RECIPE, over_socket(tmp_path / "s", timeout=0.05, tries=2)))
        leave.set()
    assert rules(results) == ["request_failed"]
    assert results[0].result.reason == "no response within 0.05 s (2 tries)"


def test_nobody_at_home_is_said(tmp_path: Path) -> None:
    (written,) = write(texts("球赛"), RECIPE, over_socket(tmp_path / "nobody", tries=2))
    assert "ConnectError" in written.result.reason


ROWS = 40

WORKER = """
import sys
from pathlib import Path
from finetrie.data.synthesis import Cache, Label, write
from finetrie.files import write_jsonl
from tests.unit.data.large_model import over_socket, texts

socket, answers, out = map(Path, sys.argv[1:])
rows = texts(*(f"第{i}条新闻" for i in range(%d)))
with Cache(answers) as cache:
    client = over_socket(socket, concurrency=3, tries=3)
    results = write(rows, Label(labels=("体育", "财经")), client, cache=cache)
    write_jsonl(out, ({"result": w.result, "provenance": w.provenance, "refused": w.refused} for w in results))
"""


class Moody:
    """Answers every request by its own dice; after `limit` answers it holds all further ones back."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.lock = threading.Lock()
        self.answered: Counter[str] = Counter()
        self.held = 0
        self.all_held, self.release = threading.Event(), threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler, body: Body) -> None:
        request = text_hash(json.dumps(body))
        with self.lock:
            hold = self.limit is not None and self.answered.total() >= self.limit
            self.held += hold
            if self.held == 3:  # every request that may be under way: all answers before have been dealt with
                self.all_held.set()
            if not hold:
                self.answered[request] += 1
        if hold:
            self.release.wait()
            handler.close_connection = True
            return
        label = "娱乐" if int(request[0], 16) < 4 else ("体育", "财经")[int(request[1], 16) % 2]
        send(handler, json.dumps(completion(label)).encode())


def run_worker(folder: Path, model: Moody, *, answers: Path, out: Path, kill: bool) -> int:
    root = Path(__file__).parents[3]
    with serving(folder / "s", model):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER % ROWS, str(folder / "s"), str(answers), str(out)], cwd=root
        )
        try:
            if kill:
                assert model.all_held.wait(60)
                worker.kill()
            code = worker.wait(60)
        finally:
            worker.kill()
            worker.wait()
            model.release.set()
    (folder / "s").unlink()
    return code


@pytest.mark.parametrize("limit", [0, 25])
def test_a_killed_process_started_again_pays_for_no_answer_twice(tmp_path: Path, limit: int) -> None:
    first, second, alone = Moody(limit), Moody(), Moody()
    answers, out, expected = tmp_path / "answers.sqlite", tmp_path / "out.jsonl", tmp_path / "expected.jsonl"
    assert run_worker(tmp_path, first, answers=answers, out=out, kill=True) == -signal.SIGKILL
    assert not out.exists()
    assert run_worker(tmp_path, second, answers=answers, out=out, kill=False) == 0
    assert run_worker(tmp_path, alone, answers=tmp_path / "other.sqlite", out=expected, kill=False) == 0

    assert first.answered.total() == limit
    assert out.read_bytes() == expected.read_bytes()
    assert first.answered + second.answered == alone.answered
    assert set(alone.answered.values()) == {1}
    origins = [row["result"]["origin"] for row in read_jsonl(out)]
    assert origins == [row.origin for row in texts(*map(str, range(ROWS)))]
    with Cache(answers) as cache:
        assert len(cache) == alone.answered.total()


def test_what_the_worker_asks_is_what_a_row_says(tmp_path: Path) -> None:
    """The fake server sees the very text of the row, in UTF-8."""
    seen: list[Any] = []

    def reply(handler: BaseHTTPRequestHandler, body: Body) -> None:
        seen.append(asked(body))
        send(handler, WHOLE)

    with serving(tmp_path / "s", reply):
        list(write(texts("球赛 🏀"), RECIPE, over_socket(tmp_path / "s")))
    assert seen == ["球赛 🏀"]
