"""`finetrie check`: what is wrong with a file comes out as a table, as JSON and as a page, and as the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.files import read_json
from tests.e2e.conftest import Cli, write_jsonl

MOBILE = "13800138000"
SUBJECTS = ["央行", "教育部", "国足", "女排", "证监会", "工信部", "湖人队", "北京大学", "商务部", "铁路局"]
EVENTS = [
    ("宣布下调存款准备金率，市场反应积极", "财经"),
    ("发布年度报告，利润增长超过预期", "财经"),
    ("在加时赛中逆转取胜，晋级决赛", "体育"),
    ("主教练赛后表示球队状态正在回升", "体育"),
    ("公布新学期课程安排，家长普遍欢迎", "教育"),
    ("启动校园招聘，应届毕业生踊跃报名", "教育"),
]
CLEAN = [
    {"text": f"{subject}{event}", "label": label}
    for number, subject in enumerate(SUBJECTS)
    for event, label in EVENTS[number % 2 :: 2]
]


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A file with one of everything that a person should know of."""
    rows: list[dict[str, Any]] = [
        *CLEAN,
        CLEAN[0],  # an exact copy
        {"text": CLEAN[1]["text"] + "。", "label": CLEAN[1]["label"]},  # a near copy
        {"text": CLEAN[2]["text"], "label": "体育" if CLEAN[2]["label"] != "体育" else "财经"},  # a conflict
        {"text": f"记者热线{MOBILE}，欢迎提供线索", "label": "财经"},
        {"label": "财经"},  # no text
    ]
    return write_jsonl(tmp_path / "messy.jsonl", rows)


def test_every_problem_is_on_the_card_and_the_status_says_so(messy: Path, tmp_path: Path, cli: Cli) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [CLEAN[3], {"text": "天文台今晚开放参观星空", "label": "教育"}])
    done = cli("check", messy, "--against", held, "--out", tmp_path / "card")
    assert done.code == 1, done.err
    card = read_json(tmp_path / "card/card.json")
    assert card["rows"] == len(CLEAN) + 4
    assert card["rejected"]["count"] == 1
    assert card["duplicates"]["exact"] == 1
    assert card["duplicates"]["near"] == 1
    assert card["conflicts"]["count"] == 1
    assert card["leaks"]["remove"] >= 1
    assert card["personal_data"]["kinds"] == {"mobile": 1}
    assert card["languages"] == {"zh": card["rows"]}
    assert sum(card["labels"]["counts"].values()) == card["rows"]
    for kind in ("characters", "tokens"):
        assert sum(card["lengths"][kind]["histogram"]["counts"]) == card["rows"]
    assert {"rejected", "leaks", "conflicts", "personal_data"} <= {one["what"] for one in card["decisions"]}
    for where in (done.out, (tmp_path / "card/card.json").read_text("utf-8")):
        assert MOBILE not in where
    page = (tmp_path / "card/card.html").read_text("utf-8")
    assert MOBILE not in page
    assert "央行" in page
    assert "http" not in page.replace("http-equiv", "")


def test_json_on_standard_output_is_the_card(messy: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("check", messy, "--json", "--out", tmp_path)
    card = json.loads(done.out)
    assert card == read_json(tmp_path / "card.json")
    keys = "rows languages lengths labels duplicates conflicts leaks personal_data suspects"
    assert set(keys.split()) <= card.keys()
    assert card["leaks"] is None
    assert done.code == 1


def test_clean_data_has_nothing_to_decide(tmp_path: Path, cli: Cli) -> None:
    done = cli("check", write_jsonl(tmp_path / "clean.jsonl", CLEAN), "--out", tmp_path, "--language", "zh")
    card = read_json(tmp_path / "card.json")
    assert card["decisions"] == [], card["decisions"]
    assert done.code == 0
    assert "没有：数据可以直接使用" in (tmp_path / "card.html").read_text("utf-8")


def test_a_run_file_brings_its_columns_its_test_file_and_its_budget(tmp_path: Path, cli: Cli) -> None:
    renamed = [{"headline": row["text"], "topic": row["label"]} for row in CLEAN]
    write_jsonl(tmp_path / "train.jsonl", renamed)
    write_jsonl(tmp_path / "test.jsonl", renamed[:2])
    (tmp_path / "run.toml").write_text(
        '[data]\ntrain = "train.jsonl"\ntest = "test.jsonl"\ntext = "headline"\ntarget = "topic"\n'
        "[model]\nmax_tokens = 96\n",
        encoding="utf-8",
    )
    done = cli("check", tmp_path / "run.toml", "--out", tmp_path)
    card = read_json(tmp_path / "card.json")
    assert done.code == 1, done.err
    assert card["leaks"]["rules"]["exact_leak"] == 2
    assert card["lengths"]["tokens"]["budget"] == 96


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([{**row, "label": ("pos", "Pos", "neg")[i % 3]} for i, row in enumerate(CLEAN)], "similar_labels"),
        ([{**row, "label": "财经"} for row in CLEAN], "one_label"),
        ([*CLEAN, {"text": "作为一个AI语言模型，我无法回答这个问题", "label": "财经"}], "machine_written"),
        ([{"text": row["text"], "output": f"答案{i}，致电{MOBILE}"} for i, row in enumerate(CLEAN)], "personal_data"),
    ],
)
def test_what_else_needs_a_decision(rows: list[dict[str, Any]], what: str, tmp_path: Path, cli: Cli) -> None:
    done = cli("check", write_jsonl(tmp_path / "rows.jsonl", rows), "--out", tmp_path)
    assert done.code == 1
    assert what in {one["what"] for one in read_json(tmp_path / "card.json")["decisions"]}
    assert MOBILE not in (tmp_path / "card.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "empty"), ('{"text": "a"}\n{"text": "b"}\n', "target"), ("not json\n", "json")],
)
def test_a_file_that_cannot_be_checked_is_a_message(content: str, said: str, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "bad.jsonl").write_text(content, encoding="utf-8")
    done = cli("check", tmp_path / "bad.jsonl", "--out", tmp_path)
    assert done.code == 2
    assert said in done.err.lower()
    assert "Traceback" not in done.err
    assert not (tmp_path / "card.json").exists()
