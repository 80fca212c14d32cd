from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.errors import DataError, OutputError
from finetrie.tracking.events import EventLog, read_events, series

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
records = st.lists(
    st.tuples(st.sampled_from(["step", "evaluation", "warning"]), st.dictionaries(st.sampled_from("abc"), values)),
    max_size=4,
)


def no_notice(message: str) -> None:
    raise AssertionError(f"unexpected notice: {message}")


def contents(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(e["event"], {k: v for k, v in e.items() if k not in ("event", "time")}) for e in read_events(path)]


@given(first=records, second=records)
def test_what_is_appended_is_read_back_in_order_also_over_several_openings(
    first: list[Any], second: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    for part in (first, second):
        with EventLog(path, notice=no_notice) as log:
            for event, given_values in part:
                log.append(event, **given_values)
    assert contents(path) == [*first, *second]


@given(cut=st.integers(min_value=0), before=records)
def test_a_log_cut_anywhere_keeps_every_whole_line_and_goes_on(
    cut: int, before: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    with EventLog(path, notice=no_notice) as log:
        for event, given_values in before:
            log.append(event, **given_values)
    whole = path.read_bytes()
    cut %= len(whole) + 1
    path.write_bytes(whole[:cut])
    readable = contents(path)
    assert whole[:cut].count(b"\n") <= len(readable) <= whole[:cut].count(b"\n") + 1

    with EventLog(path, notice=no_notice) as log:
        log.append("end")
    after = contents(path)
    assert after[: len(readable)] == readable == before[: len(readable)]
    assert after[-1] == ("end", {})
    rest = len(whole[:cut]) - (whole[:cut].rfind(b"\n") + 1)
    kept_rest = len(readable) > whole[:cut].count(b"\n")
    assert after[len(readable) : -1] == ([("repaired", {"bytes": rest})] if rest and not kept_rest else [])


def test_a_killed_process_loses_no_event_that_append_returned_from(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    program = (
        "import sys; from pathlib import Path; from finetrie.tracking.events import EventLog\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "for step in range(10**9):\n"
        "    log.append('step', step=step, text='新闻' * 50)\n"
        "    if step == 200: print('ready', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    steps = [e["step"] for e in read_events(path)]
    assert len(steps) > 200
    assert steps == list(range(len(steps)))


def test_times_are_utc_and_readable_by_the_standard_library(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append("start")
    [event] = read_events(tmp_path / "events.jsonl")
    assert datetime.fromisoformat(event["time"]).tzinfo == timezone.utc


def test_numbers_json_does_not_know_become_null_and_strange_values_their_repr(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append("step", loss=float("nan"), path=Path("a"), thing=1j, lone="\ud800")
    assert contents(tmp_path / "events.jsonl") == [
        ("step", {"loss": None, "path": "a", "thing": "1j", "lone": "\ud800"})
    ]


def test_line_separators_inside_texts_do_not_split_lines(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append("warning", message="a\u2028b\u0085c\nd")
    assert contents(tmp_path / "events.jsonl") == [("warning", {"message": "a\u2028b\u0085c\nd"})]


def test_a_full_disk_costs_one_notice_and_the_gap_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    path = tmp_path / "events.jsonl"
    log = EventLog(path, notice=notices.append)
    log.append("step", step=1)
    with monkeypatch.context() as full:
        full.setattr("finetrie.tracking.events.os.write", writing_only(os.write, 10))
        for step in (2, 3, 4):
            log.append("step", step=step)
    log.append("step", step=5)
    log.close()
    assert contents(path) == [("step", {"step": 1}), ("lost", {"count": 3}), ("step", {"step": 5})]
    assert len(notices) == 1
    assert "No space left" in notices[0]


def writing_only(write: Callable[[int, bytes], int], room: int) -> Callable[[int, bytes], int]:
    """An `os.write` of a disk with a few bytes left: the first call is short, the rest fail."""
    left = room

    def limited(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(file, data[:left])
        left -= written
        return written

    return limited


def test_a_place_that_cannot_be_written_is_an_error_before_anything_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        EventLog(tmp_path / "file" / "events.jsonl")


def test_everything_but_steps_is_synced_at_once_and_steps_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    synced: list[str] = []
    log = EventLog(tmp_path / "events.jsonl", clock=lambda: now[0])
    monkeypatch.setattr("finetrie.tracking.events.os.fsync", lambda file: synced.append("sync"))
    log.append("step", step=1)
    assert synced == []
    log.append("evaluation", step=1)
    assert synced == ["sync"]
    now[0] = 1.5
    log.append("step", step=2)
    assert synced == ["sync", "sync"]
    log.append("step", step=3)
    assert synced == ["sync", "sync"]
    log.close()


def test_a_closed_log_closes_again_and_refuses_events(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.close()
    log.close()
    with pytest.raises(ValueError, match="closed"):
        log.append("step")


def test_the_fields_of_the_log_itself_cannot_be_overwritten(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log, pytest.raises(ValueError, match="time"):
        log.append("step", time=3)


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "start"}\n{"eve\n{"event": "end"}\n')
    with pytest.raises(DataError, match=r"events\.jsonl:2: not an event"):
        read_events(path)


def test_a_missing_log_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == []


def test_a_curve_takes_the_later_record_of_a_step_and_leaves_gaps_out() -> None:
    events = [
        {"event": "step", "step": 1, "loss": 3.0},
        {"event": "step", "step": 2, "loss": 2.0},
        {"event": "evaluation", "step": 2, "loss": 9.0},
        {"event": "resumed", "step": 1},
        {"event": "step", "step": 2, "loss": 2.5},
        {"event": "step", "step": 3, "loss": None},
        {"event": "step", "step": 4},
    ]
    assert series(events, "step", "loss") == [(1, 3.0), (2, 2.5)]


def test_lines_are_plain_json_that_any_tool_reads(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append("warning", message="截断")
    [line] = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert "截断" in line
    assert list(json.loads(line)) == ["event", "time", "message"]
