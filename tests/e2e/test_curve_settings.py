"""A grid that is asked again with other settings of [evaluation]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import finetrie
from finetrie.files import read_json
from tests.e2e.conftest import write_jsonl


def test_baselines_are_measured_again_when_the_evaluation_changes(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path
) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    run_file = tmp_path / "run.toml"
    run_file.write_text(
        f"""
        [data]
        train = "train.jsonl"
        test_fraction = 0.2
        [model]
        base = "{base}"
        max_tokens = 512
        [curve]
        sizes = [10]
        seeds = 1
        methods = []
        baselines = ["tfidf"]
        """,
        "utf-8",
    )
    changes = (["evaluation.confidence=0.9"], ["evaluation.confidence=0.99"])
    found = [finetrie.curve(run_file, out=tmp_path / "run", overrides=change) for change in changes]
    assert [one.failed for one in found] == [(), ()]
    folder = found[-1].path / found[-1].curve["cells"][0]["name"]
    assert read_json(folder / "metrics.json")["confidence"] == 0.99
