"""One POST, and what its failure means: try again, give this request up, or give up altogether."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from finetrie.endpoints.answer import Answer, NoAnswer, complaint, read_answer
from finetrie.endpoints.client import Client, Request
from finetrie.endpoints.pacing import retry_after
from finetrie.errors import ModelError

if TYPE_CHECKING:
    import httpx


class Unavailable(Exception):
    """The server is busy, slow, broken or out of reach; the same request may succeed later."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # seconds, where the server names a time


class Declined(Exception):
    """The server will not answer this request; it may answer others."""


class NotThere(ModelError):
    """The server has no such address, or no such model."""


_AGAIN = {408, 409, 425, 429}
_SHORT_KEY = 12  # characters; "EMPTY" and the like are no secrets, and may well be words of an answer
_NO_MONEY = ("insufficient_quota", "billing", "arrears", "arrearage", "insufficient balance")


class Connection:
    """An HTTP client that knows the key. Where a server repeats it, no message shows it and no answer holds it."""

    def __init__(self, client: Client) -> None:
        import httpx

        self._client = client
        self._key = client.key()
        self._errors = httpx.RequestError
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            timeout=None,  # the whole response has one limit, see `post`
            limits=httpx.Limits(max_connections=client.concurrency),
            transport=client.transport() if client.transport else None,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, request: Request) -> Answer:
        """Send a request once.

        Raises:
            Unavailable: no complete response in time, or one that says to come back (408, 409, 425, 429, 5xx).
            Declined: any other 4xx, which is about this request.
            ModelError: the key, the address or the model is wrong, or the account is empty.
        """
        content = json.dumps(dict(request.body))  # ASCII: half a surrogate pair has no UTF-8
        response = await self._send("POST", request.path, content, {"Content-Type": "application/json"})
        body = response.content.decode("utf-8", "replace")
        if response.is_success:
            return self._answer(body if len(self._key or "") < _SHORT_KEY else self._without_key(body))
        raise self._problem(response, self._without_key(body))

    async def models(self) -> list[str] | None:
        """The names of the models that the server says it has; None where it does not say.

        Raises:
            Unavailable: as for `post`.
            ModelError: the key is wrong.
        """
        response = await self._send("GET", "/models")
        body = response.content.decode("utf-8", "replace")
        if response.status_code == 401 or response.status_code >= 500:
            raise self._problem(response, self._without_key(body))
        listed = _parsed(body)
        data = listed.get("data") if response.is_success and isinstance(listed, dict) else None
        if not isinstance(data, list):
            return None
        return [model["id"] for model in data if isinstance(model, dict) and isinstance(model.get("id"), str)]

    async def _send(
        self, method: str, path: str, content: str | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = self._http.request(method, self._client.address(path), content=content, headers=headers)
        try:
            return await asyncio.wait_for(sent, self._client.timeout)
        except asyncio.TimeoutError:
            raise Unavailable(f"no response within {self._client.timeout:g} s") from None
        except self._errors as error:
            raise Unavailable(self._without_key(f"{type(error).__name__}: {error}".rstrip(": "))) from None

    def _answer(self, body: str) -> Answer:
        try:
            return read_answer(json.loads(body), self._client.host)
        except (ValueError, RecursionError):
            problem = f"a response that is cut off, or no JSON: {_beginning(body)}".rstrip(": ")
        except NoAnswer as error:
            problem = str(error)
        raise Unavailable(self._without_key(problem)) from None

    def _problem(self, response: httpx.Response, body: str) -> Exception:
        status, said = response.status_code, complaint(_parsed(body)) or _beginning(body)
        what = f"{self._client.host} answered {status} {response.reason_phrase}".rstrip() + (
            f": {said}" if said else ""
        )
        if status == 402 or (status == 429 and any(sign in body.lower() for sign in _NO_MONEY)):
            return ModelError(what, fix="add credit to the account, then run again: answers are kept")
        if status in _AGAIN or status >= 500:
            return Unavailable(what, retry_after=retry_after(response.headers, self._client.clock.wall()))
        if status == 401:
            named = f"the key in {self._client.key_env}" if self._client.key_env else "key_env: the server wants a key"
            return ModelError(what, fix=f"check {named}")
        if status == 404:
            return NotThere(what, fix=f"check base_url ({response.url}) and model ({self._client.model})")
        if response.is_redirect:
            return ModelError(what, fix="set base_url to where the server redirects to")
        return Declined(what)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _beginning(body: str) -> str:
    return repr(" ".join(body.split())[:80]) if body.strip() else ""
