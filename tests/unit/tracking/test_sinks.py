from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from finetrie.errors import ConfigError
from finetrie.tracking.sinks import Tracker


class Recorder:
    """A sink that remembers its calls, and raises in one of them."""

    def __init__(self, name: str = "recorder", *, fails_in: str = "", error: BaseException | None = None) -> None:
        self.name, self.calls = name, list[str]()
        self._fails_in, self._error = fails_in, error or OSError("network is down")

    def _call(self, method: str) -> None:
        self.calls.append(method)
        if method == self._fails_in:
            raise self._error

    def start(self, settings: Mapping[str, Any]) -> None:
        self._call("start")

    def log(self, values: Mapping[str, float], step: int) -> None:
        self._call("log")

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._call("table")

    def finish(self, *, error: str | None = None) -> None:
        self._call("finish" if error is None else f"finish: {error}")


METHODS = ("start", "log", "table", "finish")


def whole_run(tracker: Tracker) -> None:
    tracker.start({"training": {"seed": 0}})
    tracker.log({"train/loss": 1.0}, 1)
    tracker.table("predictions", ["gold"], [["a"]])
    tracker.log({"train/loss": 0.5}, 2)
    tracker.finish()


ALL = ["start", "log", "table", "log", "finish"]


@pytest.mark.parametrize("error", [OSError("no network"), SystemExit(1), AttributeError("version pair")], ids=repr)
@pytest.mark.parametrize("method", METHODS)
def test_a_sink_that_raises_anywhere_is_switched_off_with_one_notice_and_nothing_else_happens(
    method: str, error: BaseException
) -> None:
    broken, sound, notices = Recorder("broken", fails_in=method, error=error), Recorder(), list[str]()
    whole_run(Tracker([broken, sound], notices.append))
    assert broken.calls == ALL[: ALL.index(method) + 1]
    assert sound.calls == ALL
    assert len(notices) == 1
    assert "broken is switched off" in notices[0]
    assert str(error) in notices[0]


def test_a_setting_that_the_user_can_correct_stops_the_run_before_it_begins() -> None:
    tracker = Tracker([Recorder(fails_in="start", error=ConfigError("nobody is logged in"))], pytest.fail)
    with pytest.raises(ConfigError, match="logged in"):
        tracker.start({})


def test_an_error_of_our_own_kind_later_on_does_not_stop_the_run() -> None:
    notices: list[str] = []
    whole_run(Tracker([Recorder(fails_in="log", error=ConfigError("late"))], notices.append))
    assert len(notices) == 1


def test_the_user_can_always_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        Tracker([Recorder(fails_in="log", error=KeyboardInterrupt())], pytest.fail).log({}, 1)


def test_sinks_learn_why_a_run_broke_off_and_finish_only_once() -> None:
    sink = Recorder()
    tracker = Tracker([sink], pytest.fail)
    with pytest.raises(ValueError, match="boom"), tracker:
        raise ValueError("boom")
    tracker.finish()
    assert sink.calls == ["finish: ValueError: boom"]


def test_a_tracker_without_sinks_does_nothing() -> None:
    whole_run(Tracker([], pytest.fail))
