"""`finetrie mix`: several files become one, and every row that is not in it stands in a list."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.data.reading import read
from finetrie.errors import ConfigError
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import Cli, write_jsonl

MOBILE = "13912345678"


def labelled(name: str, rows: int) -> list[dict[str, Any]]:
    return [{"text": f"{name}第{i}条消息", "label": ("体育", "财经")[i % 2]} for i in range(rows)]


def asked(name: str, rows: int) -> list[dict[str, Any]]:
    return [{"instruction": f"{name}第{i}问？", "input": "", "output": f"这是{name}的第{i}个回答"} for i in range(rows)]


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    return [write_jsonl(tmp_path / f"{name}.jsonl", labelled(name, 40)) for name in ("甲", "乙", "丙")]


def texts(path: Path) -> list[str]:
    return [example.text for example in read(path)]


def test_weights_are_kept_and_every_row_has_a_source(tmp_path: Path, cli: Cli, sources: list[Path]) -> None:
    out = tmp_path / "mix.jsonl"
    done = cli("mix", out, f"{sources[0]}:2", f"{sources[1]}:1", f"{sources[2]}:1", "--rows", 40)
    assert (done.code, done.out.strip()) == (0, str(out)), done.err
    provenance = list(read_jsonl(tmp_path / "mix.provenance.jsonl"))
    assert Counter(line["source"] for line in provenance) == {"甲.jsonl": 20, "乙.jsonl": 10, "丙.jsonl": 10}
    rows = list(read_jsonl(out))
    for row, line in zip(rows, provenance, strict=True):
        assert line["source"][0] == row["text"][0]
        assert line["origin"] == f"{line['source']}:{int(''.join(filter(str.isdigit, row['text']))) + 1}"
    assert Counter(row["label"] for row in rows) == {"体育": 20, "财经": 20}
    assert [row["text"] for row in rows] != sorted(row["text"] for row in rows)
    assert "50.0 %" in done.err


def test_a_bad_row_is_answered_with_the_setting_of_a_mix(tmp_path: Path, cli: Cli, sources: list[Path]) -> None:
    broken = write_jsonl(tmp_path / "broken.jsonl", [*labelled("丁", 5), {"text": "", "label": "体育"}])
    done = cli("mix", tmp_path / "mix.jsonl", sources[0], broken)
    assert done.code == 2
    assert "broken.jsonl:6" in done.err
    assert 'on_bad_row = "reject" under its [[sources]] in a mix file' in done.err
    assert "data.on_bad_row" not in done.err


def test_the_same_command_gives_the_same_file_and_another_seed_another_one(
    tmp_path: Path, cli: Cli, sources: list[Path]
) -> None:
    written = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert cli("mix", tmp_path / f"{name}.jsonl", *sources, "--seed", seed, "--weights", "1，1,2").code == 0
        written.append((tmp_path / f"{name}.jsonl").read_bytes())
    assert written[0] == written[1] != written[2]


def test_kinds_meet_as_questions_and_answers(tmp_path: Path, cli: Cli) -> None:
    """Labels, entities and free answers in one Alpaca file; reasoning stays with its row."""
    labels = write_jsonl(tmp_path / "labels.jsonl", labelled("甲", 4))
    answers = write_jsonl(tmp_path / "answers.jsonl", [{**row, "reasoning": "想一想"} for row in asked("乙", 4)])
    entities = write_jsonl(
        tmp_path / "entities.jsonl",
        [{"text": "他在南京工作", "entities": [{"start": 2, "end": 4, "label": "地名"}]}],
    )
    done = cli("mix", tmp_path / "mix.json", labels, answers, entities, "--to", "alpaca")
    assert done.code == 0, done.err
    rows = {row["output"]: row for row in read_json(tmp_path / "mix.json")}
    assert len(read_json(tmp_path / "mix.json")) == 9
    assert "体育" in rows["体育"]["instruction"]
    assert rows["体育"]["input"].startswith("甲第")
    assert rows["这是乙的第0个回答"] == {
        "instruction": "乙第0问？",
        "input": "",
        "output": "这是乙的第0个回答",
        "reasoning": "想一想",
    }
    assert any("南京" in output for output in rows)

    refused = cli("mix", tmp_path / "mix.jsonl", labels, answers)
    assert refused.code == 2
    assert "labels.jsonl: classification, answers.jsonl: instruction" in refused.err
    assert not (tmp_path / "mix.jsonl").exists()


def test_rows_that_are_questions_already_stay_as_they_are(tmp_path: Path) -> None:
    """Also where their answers look like labels."""
    rows = [{"instruction": "是好是坏？", "input": f"第{i}条", "output": ("好", "坏")[i % 2]} for i in range(6)]
    src = write_jsonl(tmp_path / "a.jsonl", rows)
    mixed = finetrie.mix([src, write_jsonl(tmp_path / "b.jsonl", asked("乙", 2))], tmp_path / "mix.json", to="alpaca")
    written = read_json(mixed.path)
    assert [row for row in rows if row not in written] == []
    assert len(written) == 8


def test_a_mix_file_cleans_masks_and_takes_out_copies_across_sources(tmp_path: Path, cli: Cli) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    same = {"text": "央行宣布下调存款准备金率，市场反应积极", "label": "财经"}
    write_jsonl(folder / "a.jsonl", [same, {"text": f"<p>电话{MOBILE}，欢迎来电</p>", "label": "体育"}])
    rows = [{"text": same["text"] + "！", "label": "财经"}, {"text": "短", "label": "体育"}, *labelled("乙", 6)]
    write_jsonl(folder / "b.jsonl", rows)
    (folder / "mix.toml").write_text(
        """
[mix]
seed = 3
[[sources]]
path = "a.jsonl"
name = "ours"
[[sources]]
path = "b.jsonl"
cap = 5
[prepare]
clean = ["html"]
filters = [{name = "characters", min = 3}]
personal_data = ["all"]
copies = "near"
[output]
path = "mix.jsonl"
""",
        encoding="utf-8",
    )
    done = cli("mix", folder / "mix.toml")
    assert done.code == 0, done.err
    assert set(texts(folder / "mix.jsonl")) >= {"电话[手机号1]，欢迎来电", same["text"]}
    assert len(texts(folder / "mix.jsonl")) == 7
    rejected = list(read_jsonl(folder / "mix.rejected.jsonl"))
    assert sorted(row["rule"] for row in rejected) == ["characters", "near_duplicate"]
    (copy,) = (row for row in rejected if row["rule"] == "near_duplicate")
    assert (copy["origin"], copy["partner"]) == ("b.jsonl:1", "a.jsonl:1")
    assert {row["origin"] for row in read_jsonl(folder / "mix.changes.jsonl")} == {"a.jsonl:2"}
    assert {line["source"] for line in read_jsonl(folder / "mix.provenance.jsonl")} == {"ours", "b.jsonl"}
    assert MOBILE not in "".join(path.read_text("utf-8") for path in folder.glob("mix.*.jsonl"))
    table = [line.split() for line in done.err.splitlines() if line.startswith(("ours", "b.jsonl "))]
    assert [line[1:] for line in table] == [["2", "0", "0", "2", "28.6", "%"], ["8", "2", "1", "5", "71.4", "%"]]

    again = cli("mix", folder / "mix.toml", "--set", "prepare.filters=[]", "--set", "prepare.copies=keep")
    assert again.code == 0
    assert not (folder / "mix.rejected.jsonl").exists()


def test_contradictions_are_said_and_can_be_decided(tmp_path: Path, cli: Cli) -> None:
    a = write_jsonl(tmp_path / "a.jsonl", [*labelled("甲", 4), {"text": "球队上市了", "label": "体育"}])
    b = write_jsonl(tmp_path / "b.jsonl", [*labelled("乙", 4), {"text": "球队上市了", "label": "财经"}])
    done = cli("mix", tmp_path / "mix.jsonl", a, b)
    assert "1 rows contradict a row of an earlier source" in done.err
    (rejected,) = read_jsonl(tmp_path / "mix.rejected.jsonl")
    assert (rejected["rule"], rejected["origin"], rejected["partner"]) == ("mix_conflict", "b.jsonl:5", "a.jsonl:5")

    (tmp_path / "mix.toml").write_text(
        '[output]\npath = "mix.jsonl"\n[prepare]\n[[sources]]\npath = "a.jsonl"\n[[sources]]\npath = "b.jsonl"\n'
    )
    assert cli("mix", tmp_path / "mix.toml").code == 0
    (line,) = read_jsonl(tmp_path / "mix.review.jsonl")
    write_jsonl(tmp_path / "decided.jsonl", [{**line, "decision": "财经"}])
    decided = cli("mix", tmp_path / "mix.toml", "--set", f"prepare.decisions={tmp_path / 'decided.jsonl'}")
    assert decided.code == 0, decided.err
    rows = {row["text"]: row["label"] for row in read_jsonl(tmp_path / "mix.jsonl")}
    assert rows["球队上市了"] == "财经"


def test_files_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for name in ("甲", "乙"):
        (tmp_path / name).mkdir()
        paths.append(write_jsonl(tmp_path / name / "train.jsonl", labelled(name, 3)))
    mixed = finetrie.mix(paths, tmp_path / "mix.csv", prepare={"copies": "near"})
    assert [source.name for source in mixed.sources] == list(map(str, paths))
    assert [source.taken for source in mixed.sources] == [3, 3]
    lines = list(read_jsonl(mixed.lists["provenance"]))
    assert {line["origin"] for line in lines} == {f"{path}:{i}" for path in paths for i in (1, 2, 3)}


def test_rows_that_a_form_cannot_hold_are_listed(tmp_path: Path) -> None:
    rows = [*asked("甲", 3), {"instruction": "什么是</s>？", "input": "", "output": "一个记号"}]
    src = write_jsonl(tmp_path / "a.jsonl", rows)
    mixed = finetrie.mix([src], tmp_path / "mix.jsonl", to="human_assistant")
    assert (mixed.rows, mixed.sources[0].unwritable, mixed.sources[0].taken) == (3, 1, 3)
    (rejected,) = read_jsonl(mixed.lists["rejected"])
    assert (rejected["rule"], rejected["row"]["text"]) == ("unwritable", "什么是</s>？")


def test_bad_rows_stop_or_are_listed(tmp_path: Path, cli: Cli) -> None:
    src = tmp_path / "a.jsonl"
    src.write_text(json.dumps({"text": "好", "label": "体育"}, ensure_ascii=False) + "\n{broken\n", encoding="utf-8")
    assert cli("mix", tmp_path / "mix.jsonl", src).code == 2
    mixed = finetrie.mix([{"path": str(src), "on_bad_row": "reject"}], tmp_path / "mix.jsonl")
    assert (mixed.rows, mixed.sources[0].bad) == (1, 1)
    assert [row["origin"] for row in read_jsonl(mixed.lists["rejected"])] == ["a.jsonl:2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mix.jsonl"], "name at least one source"),
        (["mix.jsonl", "no.jsonl"], "no.jsonl"),
        (["mix.jsonl", "甲.jsonl", "乙.jsonl", "--weights", "1"], "1 weights for 2 sources"),
        (["mix.jsonl", "甲.jsonl", "--weights", "much"], "no list of numbers"),
        (["mix.jsonl", "甲.jsonl:0"], "weight"),
        (["mix.jsonl", "甲.jsonl:1", "乙.jsonl"], "have no weight"),
        (["甲.jsonl", "甲.jsonl"], "is one of the sources"),
        (["no.toml"], "no such file"),
        (["mix.jsonl", "甲.jsonl", "--set", "mix.sede=1"], "'seed'"),
        (["mix.jsonl", "甲.jsonl", "--set", "prepare.filters=[{name='tokens', max=3}]"], "mix.model"),
    ],
)
def test_a_wrong_command_is_a_message(
    sources: list[Path], cli: Cli, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sources[0].parent)
    done = cli("mix", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert sorted(path.name for path in Path().iterdir()) == sorted(path.name for path in sources)


def test_problems_of_a_mix_file_name_the_source(tmp_path: Path) -> None:
    (tmp_path / "mix.toml").write_text('[output]\npath = "o.jsonl"\n[[sources]]\npath = "a"\n[[sources]]\npaht = "b"\n')
    with pytest.raises(ConfigError) as caught:
        finetrie.mix(tmp_path / "mix.toml")
    assert "sources[2].path: is required" in str(caught.value)
    assert "sources[2].paht: no such setting, did you mean 'path'?" in str(caught.value)
