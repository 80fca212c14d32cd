"""`finetrie prepare` with a `[prepare]` section: cleaned, masked and taken out, and all of it on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.files import read_jsonl
from tests.e2e.conftest import FAST, Cli, write_jsonl
from tests.e2e.test_check import CLEAN, MOBILE

SETTINGS = """
[prepare]
clean = ["html", {name = "urls", replace_by = "[URL]"}, "white_space"]
filters = [{name = "characters", min = 5}]
personal_data = ["all"]
copies = "near"
leaks = "near"
"""


def run_file(
    folder: Path, base: Path, rows: list[dict[str, Any]], *, prepare: str, test: list[Any] | None = None
) -> Path:
    write_jsonl(folder / "train.jsonl", rows)
    lines = ['[data]\ntrain = "train.jsonl"\ndev_fraction = 0.1\n']
    if test is not None:
        write_jsonl(folder / "test.jsonl", test)
        lines.append('test = "test.jsonl"\n')
    path = folder / "run.toml"
    path.write_text(f"{''.join(lines)}[model]\nbase = {json.dumps(str(base))}\n{prepare}", encoding="utf-8")
    return path


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(read_jsonl(folder / f"data/{name}.jsonl"))


@pytest.fixture
def messy() -> list[dict[str, Any]]:
    return [
        *CLEAN,
        {"text": f"<p>{CLEAN[0]['text']}</p>", "label": CLEAN[0]["label"]},
        {"text": f"记者热线{MOBILE}，详见 https://example.com/a 欢迎提供线索", "label": "财经"},
        {"text": "短", "label": "财经"},
    ]


def test_what_is_asked_for_is_done_and_on_record(
    messy: list[dict[str, Any]], base: Path, tmp_path: Path, cli: Cli
) -> None:
    known = {"text": CLEAN[5]["text"] + "！", "label": CLEAN[5]["label"]}
    test = [
        known,
        {"text": f"<b>天文台</b>今晚开放参观，电话{MOBILE}", "label": "教育"},
        {"text": "短", "label": "教育"},
    ]
    done = cli("prepare", run_file(tmp_path, base, messy, prepare=SETTINGS, test=test), "--out", tmp_path / "run")
    assert done.code == 0, done.err
    rejected = records(tmp_path / "run", "rejected")
    assert sorted({row["rule"] for row in rejected}) == ["characters", "exact_duplicate", "near_leak"]
    assert CLEAN[5]["text"] in {row["text"] for row in rejected if row["rule"] == "near_leak"}
    kept = [row["text"] for part in ("train", "dev") for row in records(tmp_path / "run", part)]
    assert "记者热线[手机号1]，详见 [URL] 欢迎提供线索" in kept
    assert len(kept) == len(messy) - len(rejected)
    assert [row["text"] for row in records(tmp_path / "run", "test")][1:] == ["天文台今晚开放参观，电话[手机号1]", "短"]
    changes = records(tmp_path / "run", "changes")
    assert {row.get("step") or row["rule"] for row in changes} >= {"html", "urls", "personal_data.mobile"}
    for name in ("train", "dev", "test", "rejected"):
        assert MOBILE not in (tmp_path / f"run/data/{name}.jsonl").read_text("utf-8")


def test_conflicts_are_decided_in_a_file_and_read_back(base: Path, tmp_path: Path, cli: Cli) -> None:
    wrong = "体育" if CLEAN[2]["label"] != "体育" else "财经"
    rows = [*CLEAN, {"text": CLEAN[2]["text"], "label": wrong}, {"text": CLEAN[3]["text"] + "。", "label": "教育之外"}]
    rows += [{"text": "天文台今晚开放参观星空活动", "label": "教育之外"}]
    path = run_file(tmp_path, base, rows, prepare="")
    asked = cli("prepare", path, "--review", "--out", tmp_path / "first")
    assert asked.code == 1, asked.err
    review = records(tmp_path / "first", "review")
    assert asked.out.strip() == str(tmp_path / "first/data/review.jsonl")
    assert [row["rule"] for row in review] == ["exact_duplicate", "near_duplicate"]
    assert all(row["decision"] == "" for row in review)

    review[0]["decision"] = "partner"  # the first row is right
    review[1]["decision"] = CLEAN[3]["label"]
    write_jsonl(tmp_path / "decided.jsonl", review)
    path = run_file(tmp_path, base, rows, prepare='[prepare]\ndecisions = "decided.jsonl"\n')
    again = cli("prepare", path, "--review", "--out", tmp_path / "second")
    assert again.code == 0, again.err
    assert records(tmp_path / "second", "review") == []
    (dropped,) = (row for row in records(tmp_path / "second", "rejected") if row["rule"] == "review")
    assert (dropped["text"], dropped["partner"]) == (CLEAN[2]["text"], review[0]["partner"])
    (changed,) = records(tmp_path / "second", "changes")
    assert (changed["rule"], changed["after"]) == ("relabelled", CLEAN[3]["label"])


def test_other_columns_and_the_tokens_of_the_model_can_decide(base: Path, tmp_path: Path, cli: Cli) -> None:
    rows = [{**row, "score": number % 5, "source": "web"} for number, row in enumerate(CLEAN)]
    settings = '[prepare]\nfilters = [{name = "columns", require = ["score >= 2"]}, {name = "tokens", max = 56}]\n'
    done = cli("prepare", run_file(tmp_path, base, rows, prepare=settings), "--out", tmp_path / "run")
    assert done.code == 0, done.err
    rejected = records(tmp_path / "run", "rejected")
    assert sum(row["rule"] == "columns" for row in rejected) == sum(row["score"] < 2 for row in rows)
    longest = max(
        len(row["text"].encode()) for part in ("train", "dev", "test") for row in records(tmp_path / "run", part)
    )
    assert longest <= 56  # one token a byte
    assert {row["rule"] for row in rejected} == {"columns", "tokens"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('clean = ["htlm"]', "html"),
        ('clean = [{name = "urls", replace = "x"}]', "replace"),
        ('filters = [{name = "characters", min = "few"}]', "min"),
        ('personal_data = ["mobil"]', "mobile"),
        ('policy = "no.txt"', "no.txt"),
        ('decisions = "no.jsonl"', "no.jsonl"),
        ('filters = [{name = "characters", min = 5000}]', "no training row"),
    ],
)
def test_a_wrong_setting_is_a_message(settings: str, said: str, base: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli(
        "prepare", run_file(tmp_path, base, CLEAN, prepare=f"[prepare]\n{settings}\n"), "--out", tmp_path / "run"
    )
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run").exists()


def test_what_is_predicted_later_is_cleaned_as_the_training_texts_were(base: Path, tmp_path: Path, cli: Cli) -> None:
    """The same answers, to the last digit, for texts that differ in what cleaning and masking remove."""
    path = run_file(tmp_path, base, CLEAN, prepare='[prepare]\nclean = ["html"]\npersonal_data = ["all"]\n')
    done = cli("run", path, "--out", tmp_path / "run", *FAST)
    assert done.code == 0, done.err
    plain = [{"text": f"{row['text']}，电话[手机号1]", "label": row["label"]} for row in CLEAN[:6]]
    marked = [{**row, "text": f"<b>{row['text'].replace('[手机号1]', MOBILE)}</b>"} for row in plain]
    answers, scores = [], []
    for name, rows in (("plain", plain), ("marked", marked)):
        file = write_jsonl(tmp_path / f"{name}.jsonl", rows)
        out = tmp_path / f"{name}.out.jsonl"
        assert cli("predict", tmp_path / "run", file, "--out", out).code == 0
        answers.append([(row["prediction"], row["probability"]) for row in read_jsonl(out)])
        measured = json.loads(cli("evaluate", tmp_path / "run", "--data", file, "--json").out)
        scores.append({name: measured[name] for name in ("accuracy", "calibration")})
        assert [row["text"] for row in read_jsonl(out)] == [row["text"] for row in rows]
    assert answers[0] == answers[1]
    assert scores[0] == scores[1]
