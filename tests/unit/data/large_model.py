"""A larger model for tests: an OpenAI-compatible server that misbehaves on demand, and time that passes at once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

import httpx

from finetrie.data.synthesis import Client, Clock
from finetrie.records import Example

Body = dict[str, Any]

PROMPT_TOKENS, ANSWER_TOKENS = 30, 5


def completion(text: Any, *, finish: str = "stop", **message: Any) -> Body:
    """A chat completion as servers send it."""
    return {
        "model": "large-2026",
        "choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ANSWER_TOKENS},
    }


def asked(body: Body) -> str:
    """What the user's message says."""
    return str(body["messages"][-1]["content"])


def texts(*texts: str, **fields: Any) -> list[Example]:
    return [
        Example(id=f"a.jsonl:{i}", text=text, origin=f"a.jsonl:{i}", **{"target": None, **fields})
        for i, text in enumerate(texts, start=1)
    ]


@dataclass
class FakeTime:
    """Sleeping passes at once, and is remembered."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, wall=lambda: 1_800_000_000.0 + self.seconds, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class FakeModel:
    """`reply(body, nth)` answers a request that comes for the nth time, counted from 1.

    A string is an answer, an object is sent as JSON, an exception breaks the line.
    """

    reply: Callable[[Body, int], Any]
    time: FakeTime = field(default_factory=FakeTime)
    requests: list[Body] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    times_asked: Counter[bytes] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0

    def client(self, **settings: Any) -> Client:
        return Client(
            "http://llm.test/v1",
            settings.pop("model", "large"),
            transport=lambda: httpx.MockTransport(self._handle),
            clock=self.time.clock,
            **settings,
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.requests.append(body)
        self.headers.append(request.headers)
        self.times.append(self.time.seconds)
        self.times_asked[request.content] += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _ in range(3 + len(self.requests) % 3):  # others get their turn, and answers come out of order
                await asyncio.sleep(0)
            reply = self.reply(body, self.times_asked[request.content])
        finally:
            self.under_way -= 1
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return httpx.Response(200, text=json.dumps(completion(reply) if isinstance(reply, str) else reply))


def always(reply: Any) -> FakeModel:
    return FakeModel(lambda body, nth: reply)


def in_turn(*replies: Any) -> FakeModel:
    """The first reply to the first request, and so on; the last one from then on."""
    model = FakeModel(lambda body, nth: replies[min(len(model.requests), len(replies)) - 1])
    return model


class SocketServer(ThreadingMixIn, UnixStreamServer):
    """A real server on a Unix socket. `reply(handler, body)` writes the whole response itself."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: Path, reply: Callable[[BaseHTTPRequestHandler, Body], None]) -> None:
        self.reply = reply
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SocketServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reply(self, body)

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):  # the client was killed
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


def send(handler: BaseHTTPRequestHandler, content: bytes, *, length: int | None = None) -> None:
    """A response with status 200; a `length` longer than the content cuts it off."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)
    handler.wfile.flush()
    handler.close_connection = length is not None


@contextmanager
def serving(path: Path, reply: Callable[[BaseHTTPRequestHandler, Body], None]) -> Iterator[SocketServer]:
    server = SocketServer(path, reply)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def over_socket(path: Path, **settings: Any) -> Client:
    """A client of a `SocketServer`; waits between tries pass at once."""
    return Client(
        "http://llm.test/v1",
        "large",
        transport=lambda: httpx.AsyncHTTPTransport(uds=str(path)),
        clock=FakeTime().clock,
        **settings,
    )


def rules(results: Sequence[Any]) -> list[str]:
    """ "written", or the rule of the rejection, for each outcome."""
    return [getattr(written.result, "rule", "written") for written in results]
