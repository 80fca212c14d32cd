"""A job that fails stops no other; a job whose worker is lost begins again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from finetrie.errors import ConfigError
from finetrie.experiments import on_ray as ray_module
from finetrie.experiments.scheduling import Ended, Failure, Job, Lost, Started, attempt, serially

JOBS = [Job(name, name) for name in ("a", "b", "c")]


def works_but_for_b(payload: str) -> None:
    if payload == "b":
        raise ConfigError("b cannot be", fix="leave it out")


def test_a_failure_is_kept_and_the_others_go_on() -> None:
    events = list(serially(JOBS, works_but_for_b))
    assert [event.name for event in events if isinstance(event, Started)] == ["a", "b", "c"]
    failures = {event.name: event.failure for event in events if isinstance(event, Ended)}
    assert failures["a"] is failures["c"] is None
    assert failures["b"] == Failure("ConfigError", "b cannot be\n  fix: leave it out")


def test_an_error_of_ours_keeps_its_traceback() -> None:
    def broken(_: Any) -> None:
        raise KeyError("missing")

    failure = attempt(broken, None)
    assert failure is not None
    assert failure.kind == "KeyError"
    assert 'raise KeyError("missing")' in (failure.traceback or "")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_the_grid(stop: type[BaseException]) -> None:
    def interrupted(_: Any) -> None:
        raise stop

    with pytest.raises(stop):
        list(serially(JOBS, interrupted))


class FakeRay:
    """A cluster whose workers die as often as they are told."""

    class exceptions:  # the name that Ray's module has
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            cause = ImportError("no such name")

    def __init__(self, losses: dict[str, int]) -> None:
        self.losses, self.results, self.asked = losses, {}, dict[str, Any]()
        self.broken: set[str] = set()  # jobs that no worker can import

    def remote(self, **asked: Any) -> Callable[[Any], Any]:
        self.asked = asked

        def wrap(function: Callable[..., Any]) -> Any:
            outer = self

            class Remote:
                @staticmethod
                def remote(work: Any, payload: str) -> str:
                    reference = f"{payload}{len(outer.results)}"
                    outer.results[reference] = (function, work, payload)
                    return reference

            return Remote

        return wrap

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}]

    def wait(self, references: Sequence[str], *, num_returns: int) -> tuple[list[str], list[str]]:
        return list(references)[:num_returns], list(references)[num_returns:]

    def get(self, reference: str) -> Any:
        function, work, payload = self.results[reference]
        if self.losses.get(payload, 0):
            self.losses[payload] -= 1
            raise self.exceptions.RayError("the worker died\nmore words")
        if payload in self.broken:
            raise self.exceptions.RayTaskError("ray::attempt() (pid=7)\n  File x\nImportError: no such name\n")
        return function(work, payload)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, int]], FakeRay]:
    def use(losses: dict[str, int]) -> FakeRay:
        from contextlib import nullcontext

        fake = FakeRay(losses)
        monkeypatch.setattr(ray_module, "connected", lambda address: nullcontext(fake))
        return fake

    return use


def test_a_lost_worker_costs_an_attempt_and_not_the_job(cluster: Callable[[dict[str, int]], FakeRay]) -> None:
    fake = cluster({"a": 2})
    events = list(ray_module.on_ray(JOBS, works_but_for_b, cpus=2, retries=2))
    assert [event for event in events if isinstance(event, Lost)] == [
        Lost("a", 1, "the worker died"),
        Lost("a", 2, "the worker died"),
    ]
    failures = {event.name: event.failure for event in events if isinstance(event, Ended)}
    assert failures["a"] is failures["c"] is None
    assert failures["b"] is not None
    assert fake.asked == {"max_retries": 0, "num_cpus": 2, "num_gpus": 0.0}


def test_a_job_that_kills_every_worker_fails_in_the_end(cluster: Callable[[dict[str, int]], FakeRay]) -> None:
    cluster({"c": 9})
    ended = {e.name: e.failure for e in ray_module.on_ray(JOBS, works_but_for_b, retries=1) if isinstance(e, Ended)}
    assert ended["c"] == Failure("RayError", "the worker died", attempts=2)


def test_what_cannot_even_be_imported_by_a_worker_fails_at_once_and_says_why(
    cluster: Callable[[dict[str, int]], FakeRay],
) -> None:
    cluster({}).broken.add("c")
    events = list(ray_module.on_ray(JOBS, works_but_for_b, retries=2))
    assert not [event for event in events if isinstance(event, Lost)]
    failure = next(event.failure for event in events if isinstance(event, Ended) and event.name == "c")
    assert failure is not None
    assert (failure.kind, failure.message, failure.attempts) == ("ImportError", "ImportError: no such name", 1)
    assert "File x" in (failure.traceback or "")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_nothing_listens_is_told_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refused(where: Any, timeout: float) -> Any:
        asked.append(where)
        raise ConnectionRefusedError("refused")

    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))  # which must not be asked
    monkeypatch.setattr(ray_module.socket, "create_connection", refused)
    with pytest.raises(ConfigError, match=r"no Ray cluster answers there: refused"):
        list(ray_module.on_ray(JOBS, works_but_for_b, address=address))
    assert asked == [("127.0.0.1", 1)]


def test_a_machine_that_no_cluster_has_is_told(cluster: Callable[[dict[str, int]], FakeRay]) -> None:
    cluster({})
    with pytest.raises(ConfigError, match=r"asks for 4 CPUs and 0 GPUs.*there: 2 CPUs, 0 GPUs"):
        list(ray_module.on_ray(JOBS, works_but_for_b, cpus=4))
