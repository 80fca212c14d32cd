"""Against the real package where it is installed, offline, with sockets blocked."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetrie.errors import ConfigError
from finetrie.tracking.sinks import Tracker
from finetrie.tracking.swanlab import TABLE_ROWS, SwanLabSink


@pytest.fixture
def _swanlab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The package, looking for settings and accounts only in an empty folder."""
    swanlab = pytest.importorskip("swanlab")
    monkeypatch.chdir(tmp_path)
    for name in ("SWANLAB_API_KEY", "SWANLAB_MODE", "SWANLAB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    yield
    if swanlab.has_run():
        swanlab.finish()


def offline(folder: Path, notices: list[str]) -> SwanLabSink:
    return SwanLabSink(folder, mode="offline", name="test", notice=notices.append)


def track(folder: Path, notices: list[str], *, steps: range) -> None:
    with Tracker([offline(folder, notices)], pytest.fail) as tracker:
        tracker.start({"training": {"learning_rate": 1e-4}, "model": {"base": "finetrie/tiny"}})
        for step in steps:
            tracker.log({"train/loss": 1 / (step + 1), "train/learning_rate": 1e-4}, step)
        tracker.table("predictions", ["文本", "gold"], [["<b>南京</b>" + "长" * 1000, "地理"]] * (TABLE_ROWS + 5))


@pytest.mark.usefixtures("_swanlab")
def test_an_offline_run_leaves_settings_table_and_the_command_that_uploads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notices: list[str] = []
    folder = tmp_path / "my run" / "swanlab"
    track(folder, notices, steps=range(3))

    [logged] = folder.glob("run-*")
    assert "0.0001" in (logged / "files" / "config.yaml").read_text(encoding="utf-8")
    [media] = (logged / "media").rglob("*.json")
    rows = json.loads(media.read_text(encoding="utf-8"))["rowData"]
    assert len(rows) == TABLE_ROWS
    assert rows[0]["文本"].startswith("<b>南京</b>长")
    assert rows[0]["文本"].endswith("…")
    assert notices == [f"to upload this run to SwanLab: swanlab sync '{logged}'"]
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("_swanlab")
def test_a_resumed_run_continues_the_same_experiment(tmp_path: Path) -> None:
    notices: list[str] = []
    track(tmp_path / "swanlab", notices, steps=range(3))
    track(tmp_path / "swanlab", notices, steps=range(3, 5))
    identity = (tmp_path / "swanlab" / "experiment").read_text().strip()
    words = shlex.split(notices[-1].partition(": ")[2])
    folders = [Path(word) for word in words if word.startswith("/")]
    assert len(folders) == 2
    assert all(folder.name.endswith(identity) and folder.is_dir() for folder in folders)
    assert words.count(identity) == 2


@pytest.mark.usefixtures("_swanlab")
def test_a_run_that_breaks_off_is_closed_too(tmp_path: Path) -> None:
    import swanlab

    notices: list[str] = []
    tracker = Tracker([offline(tmp_path / "swanlab", notices)], pytest.fail)
    tracker.start({})
    with pytest.raises(ZeroDivisionError), tracker:
        _ = 1 / 0
    assert not swanlab.has_run()
    assert "swanlab sync" in notices[0]


@pytest.mark.usefixtures("_swanlab")
def test_the_cloud_without_an_account_is_a_setting_to_correct(tmp_path: Path) -> None:
    sink = SwanLabSink(tmp_path / "swanlab", mode="cloud", notice=pytest.fail)
    with pytest.raises(ConfigError, match="swanlab login"):
        Tracker([sink], pytest.fail).start({})


@pytest.mark.usefixtures("_swanlab")
def test_the_cloud_out_of_reach_is_a_notice_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import swanlab

    def unreachable(**arguments: object) -> None:
        raise ConnectionError("network is down")

    monkeypatch.setattr(swanlab, "init", unreachable)
    notices: list[str] = []
    tracker = Tracker([SwanLabSink(tmp_path / "swanlab", mode="cloud", notice=pytest.fail)], notices.append)
    tracker.start({})
    tracker.log({"train/loss": 1.0}, 1)
    assert len(notices) == 1
    assert "network is down" in notices[0]


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "swanlab", None)
    monkeypatch.setattr("finetrie.tracking.swanlab.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "finetrie\[swanlab\]"'):
        offline(tmp_path, [])
