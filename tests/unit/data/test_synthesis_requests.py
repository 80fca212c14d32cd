"""What is sent to a larger model, how often, and what every kind of failure leads to."""

from __future__ import annotations

import asyncio
import json
import logging
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.synthesis import Cache, Client, Label, write
from finetrie.endpoints.pacing import FIRST_WAIT, LONGEST_WAIT, Clock, Pace, backoff, retry_after
from finetrie.endpoints.session import GIVE_UP_AFTER
from finetrie.errors import ConfigError, ModelError
from finetrie.records import Example, Rejection
from tests.unit.data.large_model import FakeModel, FakeTime, always, asked, completion, in_turn, rules, texts

RECIPE = Label(labels=("体育", "财经"))
KEY = "sk-not-a-real-key-0123456789"


def error(status: int, message: str = "", **headers: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"message": message}}, headers=headers)


TRANSIENT = [
    *(pytest.param(error(status), id=str(status)) for status in (408, 409, 429, 500, 502, 503, 504, 529)),
    pytest.param(httpx.ConnectError("refused"), id="no connection"),
    pytest.param(httpx.ReadTimeout("slow"), id="time-out"),
    pytest.param(httpx.RemoteProtocolError("peer closed connection"), id="stream cut off"),
    pytest.param(httpx.Response(200, text=json.dumps(completion("体育"))[:-20]), id="JSON cut off"),
    pytest.param(httpx.Response(200, text=""), id="nothing"),
    pytest.param(httpx.Response(200, text="<html>busy</html>"), id="a web page"),
    pytest.param(httpx.Response(200, content=b"\xff\xfe\x00"), id="no text"),
    pytest.param(httpx.Response(200, text="[" * 100_000), id="JSON without an end"),
    pytest.param(httpx.Response(200, json=["体育"]), id="an array"),
    pytest.param(httpx.Response(200, json={"answer": "体育"}), id="another API"),
    pytest.param(httpx.Response(200, json={"error": {"message": "overloaded"}}), id="an error sent as success"),
    pytest.param(httpx.Response(200, json={"choices": "体育"}), id="choices of the wrong type"),
]


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_a_passing_trouble_is_tried_again_after_a_wait(trouble: Any) -> None:
    model = in_turn(trouble, trouble, "体育")
    (written,) = write(texts("球赛"), RECIPE, model.client())
    assert isinstance(written.result, Example)
    assert written.result.target == "体育"
    assert len(model.requests) == 3
    assert [0.5 <= wait / longest <= 1 for wait, longest in zip(model.time.slept, (1, 2), strict=True)] == [True, True]


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_a_lasting_trouble_is_an_outcome_of_its_row_only(trouble: Any) -> None:
    model = FakeModel(lambda body, nth: trouble if asked(body) == "坏" else "体育")
    results = list(write(texts("一", "坏", "三"), RECIPE, model.client(tries=4)))
    assert rules(results) == ["written", "request_failed", "written"]
    assert "(4 tries)" in results[1].result.reason
    assert results[1].result.text == "坏"
    assert len(model.requests) == 2 + 4


@pytest.mark.parametrize("status", [400, 403, 413, 422, 451])
def test_a_request_that_is_declined_is_not_repeated_and_says_why(status: int) -> None:
    model = always(error(status, "context length exceeded"))
    (written,) = write(texts("长"), RECIPE, model.client())
    assert isinstance(written.result, Rejection)
    assert written.result.rule == "request_declined"
    assert f"llm.test answered {status}" in written.result.reason
    assert "context length exceeded" in written.result.reason
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("response", "fix"),
    [
        pytest.param(error(401, "invalid key"), "check the key in LLM_KEY", id="wrong key"),
        pytest.param(error(402, "no credit"), "add credit", id="no credit"),
        pytest.param(error(429, "You exceeded your quota: insufficient_quota"), "add credit", id="quota used up"),
        pytest.param(
            error(404, "no such model"), r"check base_url .*/v1/chat/completions.* and model \(large\)", id="404"
        ),
        pytest.param(httpx.Response(301, headers={"Location": "https://x.test"}), "redirects", id="redirect"),
    ],
)
def test_what_no_request_can_get_past_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, response: httpx.Response, fix: str
) -> None:
    monkeypatch.setenv("LLM_KEY", KEY)
    model = always(response)
    with pytest.raises(ModelError, match=rf"llm\.test answered {response.status_code}(.|\n)*fix: .*{fix}"):
        list(write(texts(*map(str, range(100))), RECIPE, model.client(key_env="LLM_KEY", concurrency=4)))
    assert len(model.requests) <= 4
    assert model.time.slept == []


def test_a_server_that_wants_a_key_is_told_from_one_that_refuses_it() -> None:
    with pytest.raises(ModelError, match="fix: check key_env: the server wants a key"):
        list(write(texts("a"), RECIPE, always(error(401)).client()))


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": "1.5"}, 1.5),
        ({"Retry_After_Ms": "2500", "Retry_After": "3"}, 2.5),
        ({"Retry_After": formatdate(1_800_000_009, usegmt=True)}, 9.0),
        ({"Retry_After": formatdate(1_700_000_000, usegmt=True)}, 0.0),
        ({"Retry_After": "soon"}, 0.0),
        ({"Retry_After": "nan"}, 0.0),
        ({"Retry_After": "-5"}, 0.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_a_server_asks_for_is_kept(status: int, headers: dict[str, str], least: float) -> None:
    model = in_turn(error(status, **headers), "体育")
    (written,) = write(texts("球赛"), RECIPE, model.client())
    assert rules([written]) == ["written"]
    assert least + 0.5 <= model.time.slept[0] <= least + 1.0


def test_a_server_that_asks_to_wait_for_a_day_is_left_alone() -> None:
    model = always(error(429, "daily limit", Retry_After="86400"))
    (written,) = write(texts("球赛"), RECIPE, model.client())
    assert written.result.rule == "request_failed"
    assert "asks to wait 86400 s" in written.result.reason
    assert len(model.requests) == 1
    assert model.time.slept == []


def test_a_pause_is_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says 429 to one request would say it to the next as well."""
    held: list[float] = []
    monkeypatch.setattr(Pace, "hold", lambda pace, seconds: held.append(seconds))
    list(write(texts("a"), RECIPE, in_turn(error(429, Retry_After="30"), error(500), "体育").client()))
    assert held == [30.0]


def test_a_pause_begins_now_and_ends_on_time() -> None:
    async def waits() -> list[float]:
        time = FakeTime(seconds=50)
        pace = Pace(time.clock, requests_per_minute=None, tokens_per_minute=None)
        pace.hold(30)
        await asyncio.gather(*(pace.turn(1) for _ in range(3)))
        return time.slept

    assert asyncio.run(waits()) == [30.0]


def test_a_server_that_is_gone_is_not_asked_for_every_row() -> None:
    model = always(httpx.ConnectError("refused"))
    rows = texts(*map(str, range(1000)))
    with pytest.raises(ModelError, match=f"{GIVE_UP_AFTER} requests in a row got no answer(.|\n)*then run again"):
        list(write(rows, RECIPE, model.client(concurrency=2, tries=2)))
    assert len(model.requests) < 100


def test_a_server_that_fails_now_and_then_is_not_given_up() -> None:
    model = FakeModel(lambda body, nth: error(500) if int(asked(body)) % 2 else "体育")
    results = list(write(texts(*map(str, range(100))), RECIPE, model.client(concurrency=1, tries=1)))
    assert rules(results) == ["written", "request_failed"] * 50


def test_rows_that_are_declined_again_do_not_stop_a_run_that_goes_on(tmp_path: Path) -> None:
    """All that is left after an interruption may be rows that the server will never answer."""
    model = FakeModel(lambda body, nth: "体育" if asked(body) == "0" else error(400, "too long"))
    rows = texts(*map(str, range(60)))
    with Cache(tmp_path / "a.sqlite") as cache:
        client = model.client(concurrency=1)
        assert list(write(rows, RECIPE, client, cache=cache)) == list(write(rows, RECIPE, client, cache=cache))


def test_requests_that_are_all_declined_are_not_sent_for_every_row() -> None:
    model = always(error(400, "unknown parameter: seed"))
    with pytest.raises(ModelError, match=f"all of {GIVE_UP_AFTER} requests were declined(.|\n)*unknown parameter"):
        list(write(texts(*map(str, range(1000))), RECIPE, model.client(concurrency=1)))
    assert len(model.requests) == GIVE_UP_AFTER


def test_rows_that_are_declined_after_an_answer_are_outcomes_however_many_they_are() -> None:
    model = FakeModel(lambda body, nth: "体育" if asked(body) == "0" else error(400, "too long"))
    results = list(write(texts(*map(str, range(60))), RECIPE, model.client(concurrency=1)))
    assert rules(results) == ["written", *["request_declined"] * 59]


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_requests_are_under_way_than_allowed(concurrency: int) -> None:
    model = always("体育")
    list(write(texts(*map(str, range(30))), RECIPE, model.client(concurrency=concurrency)))
    assert model.most_under_way == concurrency


@pytest.mark.parametrize("concurrency", [1, 4])
def test_requests_keep_their_distance(concurrency: int) -> None:
    model = always("体育")
    rows = texts(*map(str, range(7)))
    list(write(rows, RECIPE, model.client(requests_per_minute=120, concurrency=concurrency)))
    assert model.time.slept == pytest.approx([0.5] * 6)


def test_tokens_keep_to_their_rate() -> None:
    """Each answer uses 35 tokens; the bound on what a request may use is far higher, and is corrected."""
    model = always("体育")
    list(write(texts(*map(str, range(60))), RECIPE, model.client(tokens_per_minute=350, concurrency=1)))
    assert model.times[-1] - model.times[0] == pytest.approx(59 * 6, rel=0.05)


def test_a_request_after_a_quiet_time_does_not_wait_for_the_past() -> None:
    async def waits() -> list[float]:
        time = FakeTime()
        pace = Pace(time.clock, requests_per_minute=60, tokens_per_minute=None)
        await pace.turn(1)
        time.seconds = 100
        await pace.turn(1)
        await pace.turn(1)
        return time.slept

    assert asyncio.run(waits()) == [1.0]


@given(st.integers(1, 200), st.text(max_size=5))
def test_waits_double_up_to_a_minute_and_can_be_told_in_advance(tries: int, seed: str) -> None:
    wait = backoff(tries, seed)
    assert wait == backoff(tries, seed)
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 20))
    assert longest / 2 <= wait <= longest


def test_clients_that_failed_together_come_back_apart() -> None:
    assert len({backoff(3, str(i)) for i in range(100)}) == 100


@given(st.text(st.characters(codec="latin-1"), max_size=20))
def test_no_header_breaks_the_reading_of_waits(value: str) -> None:
    wait = retry_after({"retry-after": value}, 0.0)
    assert wait is None or wait >= 0


@pytest.mark.parametrize("status", [400, 401, 500])
def test_the_key_stands_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, status: int
) -> None:
    """Servers repeat keys in their messages, and some would in an answer."""
    monkeypatch.setenv("LLM_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    replies = (completion(f"体育 {KEY}", reasoning_content=KEY), error(status, f"Incorrect key provided: {KEY}"))
    model = in_turn(*replies)
    client = model.client(key_env="LLM_KEY", tries=1, concurrency=1)
    said = repr(client)
    with Cache(tmp_path / "answers.sqlite") as cache:
        try:
            said += repr(list(write(texts("a"), RECIPE, client, cache=cache, draws=2)))
        except ModelError as problem:
            said += repr(problem) + repr(problem.__cause__) + repr(problem.__context__)
    assert model.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "[key]" in said
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert KEY not in said + caplog.text
    assert KEY.encode() not in stored


def test_a_key_that_is_a_common_word_does_not_spoil_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_KEY", "EMPTY")
    (written,) = write(texts("a"), Label(labels=("EMPTY", "FULL")), always("EMPTY").client(key_env="LLM_KEY"))
    assert written.result.target == "EMPTY"


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (None, "LLM_KEY is not set; it should hold the key of llm.test(.|\n)*export LLM_KEY="),
        ("  ", "LLM_KEY is not set"),
        ("secret\nline", "LLM_KEY holds spaces or characters that no key has"),
        ("秘密", "LLM_KEY holds spaces or characters that no key has"),
    ],
)
def test_a_key_that_is_none_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, key: str | None, complaint: str
) -> None:
    monkeypatch.delenv("LLM_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("LLM_KEY", key)
    model = always("体育")
    with pytest.raises(ConfigError, match=complaint) as caught:
        list(write(texts("a"), RECIPE, model.client(key_env="LLM_KEY")))
    assert "secret" not in str(caught.value)
    assert model.requests == []


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("https://user:hunter2@llm.test/v1", "user names, passwords"),
        ("https://llm.test/v1?key=hunter2", "queries"),
        ("llm.test/v1", "expected an address such as"),
        ("ftp://llm.test", "expected an address such as"),
        ("http://[hunter2", "expected an address such as"),
        ("", "expected an address such as"),
    ],
)
def test_an_address_with_a_secret_or_without_a_host_is_refused(address: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        Client(address, "large")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://a.test:8000/v1", "http://a.test:8000/v1/", "http://a.test:8000/v1/chat/completions"]
)
def test_an_address_may_end_as_it_is_found_in_manuals(address: str) -> None:
    client = Client(address, "large")
    assert (client.url, client.host) == ("http://a.test:8000/v1/chat/completions", "a.test:8000")


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrency": 0},
        {"tries": 0},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"requests_per_minute": -1},
        {"tokens_per_minute": 0},
        {"parameters": {"model": "other"}},
        {"parameters": {"stream": True}},
        {"parameters": {"n": 2}},
        {"parameters": {"seed": "x"}},
        {"parameters": {"top_p": object()}},
        {"parameters": {"top_p": float("nan")}},
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Client("http://llm.test/v1", "large", **settings)


def test_parameters_come_from_recipe_and_client_and_can_be_taken_out() -> None:
    client = Client("http://llm.test/v1", "large", parameters={"temperature": None, "top_p": 0.5, "seed": 7})
    messages: Any = [{"role": "user", "content": "你好"}]
    body = client.request(messages, {"temperature": 0.0, "max_tokens": 9}, 0).body
    assert body == {"model": "large", "messages": messages, "max_tokens": 9, "top_p": 0.5, "seed": 7}


def test_another_answer_to_the_same_question_has_its_own_seed_and_is_not_greedy() -> None:
    client = Client("http://llm.test/v1", "large")
    first, second = (client.request([], {"temperature": 0.0}, draw).body for draw in (0, 1))
    assert (first["seed"], first["temperature"]) == (0, 0.0)
    assert (second["seed"], second["temperature"]) == (1, 0.7)


def test_a_server_that_takes_no_seed_still_gives_several_answers() -> None:
    client = Client("http://llm.test/v1", "large", parameters={"seed": None})
    requests = [client.request([], {}, draw) for draw in (0, 1)]
    assert "seed" not in requests[1].body
    assert requests[0].key != requests[1].key


def test_a_request_is_known_by_what_is_asked_and_not_by_the_address() -> None:
    def key(base_url: str = "http://llm.test/v1", model: str = "large", content: str = "你好", **more: Any) -> str:
        client = Client(base_url, model, parameters=more)
        return client.request([{"role": "user", "content": content}], {}, 0).key

    assert key() == key(base_url="https://other.test/v1")
    assert len({key(), key(model="small"), key(content="您好"), key(top_p=0.5), key(seed=1)}) == 5


@given(st.text(), st.integers(0, 5000))
def test_the_bound_on_tokens_holds_for_one_token_a_byte(text: str, limit: int) -> None:
    request = Client("http://llm.test/v1", "m").request([{"role": "user", "content": text}], {"max_tokens": limit}, 0)
    assert request.most_tokens >= len(text.encode()) + limit


def test_half_a_surrogate_pair_in_a_text_breaks_nothing() -> None:
    (written,) = write(texts("a\ud83d"), RECIPE, always("体育").client())
    assert rules([written]) == ["written"]


def test_the_clock_of_the_world_is_the_default() -> None:
    assert Client("http://llm.test/v1", "m").clock == Clock()
