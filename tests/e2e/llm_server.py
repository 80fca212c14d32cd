"""A larger model for tests of the command line: an OpenAI-compatible server on localhost that misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from finetrie.files import text_hash

Body = dict[str, Any]
PROMPT_TOKENS, ANSWER_TOKENS = 30, 5
UNDER_WAY = 4  # requests that a client of `Moody` may have under way


def completion(text: str, **message: Any) -> bytes:
    body = {
        "model": "large-2026",
        "choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ANSWER_TOKENS},
    }
    return json.dumps(body).encode()


def send(handler: BaseHTTPRequestHandler, content: bytes, *, status: int = 200, missing: int = 0) -> None:
    """A response; with `missing` bytes it is cut off."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) + missing))
    handler.end_headers()
    handler.wfile.write(content)
    handler.close_connection = missing > 0


class Moody:
    """Fails at first in every way there is, by the dice of each request; answers at its second try.

    `answer(body)` is what it says then. Behind `limit` answers it holds everything back, until `release` is set.
    """

    def __init__(self, answer: Callable[[Body], bytes], *, limit: int | None = None, moody: bool = True) -> None:
        self.answer, self.limit, self.moody = answer, limit, moody
        self.lock = threading.Lock()
        self.seen: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.keys: set[str | None] = set()
        self.held = 0
        self.all_held, self.release = threading.Event(), threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler, body: Body) -> None:
        request = text_hash(json.dumps(body, sort_keys=True))
        mood = ("", "hang", "429", "500", "cut", "nonsense", "html", "")[int(request[0], 16) % 8] if self.moody else ""
        with self.lock:
            self.keys.add(handler.headers.get("Authorization"))
            self.seen[request] += 1
            if mood and self.seen[request] == 1:
                self.failures[mood] += 1
                hold = False
            else:
                mood = ""
                hold = self.limit is not None and self.answered.total() >= self.limit
                self.held += hold
                if self.held == UNDER_WAY:  # nothing can arrive any more that has not been dealt with
                    self.all_held.set()
                self.answered[request] += not hold
        if mood == "hang" or hold:
            self.release.wait(20)
            handler.close_connection = True
        elif mood in ("429", "500"):
            send(handler, b'{"error": {"message": "come back later"}}', status=int(mood))
        elif mood == "cut":
            send(handler, self.answer(body)[:40], missing=100)
        elif mood:
            send(handler, b'{"half": [' if mood == "nonsense" else b"<html>gateway</html>")
        else:
            send(handler, self.answer(body))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    model: Callable[[BaseHTTPRequestHandler, Body], None]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of these tests are killed; that is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.model(self, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


M = TypeVar("M", bound=Callable[[BaseHTTPRequestHandler, Body], None])


class Llm:
    """The address of a running server, and the model behind it, which may be changed."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}/v1"

    def serve(self, model: M) -> M:
        self._server.model = model
        return model


@contextmanager
def serving() -> Iterator[Llm]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Llm(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
