"""The page of examples/j3_instruction_data, command by command, with a larger model on localhost."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

import pytest

from finetrie.data.reading import read
from finetrie.files import read_json, read_jsonl
from tests.e2e.conftest import Cli
from tests.e2e.llm_server import Body, Moody, completion, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "j3_instruction_data"


def commands(page: str) -> list[list[str]]:
    """Every finetrie command in the code blocks of the page."""
    blocks = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("finetrie ")]


def question(body: Body) -> bytes:
    """A question of its own for each text and draw."""
    text = body["messages"][-1]["content"].split("\n")[1]
    return completion(f"关于“{text[:6]}”，能讲讲其中的道理吗？（{body['seed']}）")


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_every_command_of_the_page_does_what_it_says(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "j3"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_KEY", "sk-of-a-test-0123456789")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    listed = commands((folder / "README.md").read_text(encoding="utf-8"))
    assert [line[0] for line in listed] == ["convert", "write", "write", "mix", "mix", "convert", "convert"]
    with serving() as llm:
        model = llm.serve(Moody(question, moody=False))
        for line in listed:
            more = ["--endpoint", llm.url, "--set", "endpoint.requests_per_minute=6000"] if line[0] == "write" else []
            done = cli(*line, *more)
            assert done.code == 0, (line, done.err)
    assert model.answered.total() == 8

    train = read_json(folder / "train.json")
    provenance = list(read_jsonl(folder / "train.provenance.jsonl"))
    assert Counter(line["source"] for line in provenance) == {
        "labelled.jsonl": 10,
        "questions.jsonl": 8,
        "open.json": 6,
    }
    assert len(train) == 24
    words = (folder / "train.json").read_text("utf-8")
    assert "13912345678" not in words
    assert "https://" not in words
    assert "<p>" not in words
    assert [row["reasoning"] for row in train if "reasoning" in row] == ["打是英语 dozen 的译音，表示十二个。"]
    rules = Counter(row["rule"] for row in read_jsonl(folder / "train.rejected.jsonl"))
    assert rules == {"characters": 1, "near_duplicate": 1, "machine_written": 1, "exact_duplicate": 1}
    chats = [(e.text, e.target) for e in read(folder / "train.chat.jsonl")]
    assert len(chats) == 24
    assert chats == [(e.text, e.target) for e in read(folder / "train.chat.csv")]
    assert len(read_json(folder / "offline.json")) == 20  # all of them: nothing asked for less


def test_train_command_of_the_page_reads_the_mix(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the questions of a larger model, which need a server."""
    shutil.copytree(EXAMPLE, tmp_path / "j3")
    monkeypatch.chdir(tmp_path / "j3")
    assert cli("mix", "train.json", "labelled.jsonl", "open.json", "--to", "alpaca").code == 0
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`finetrie (init .*?)`", page)
    done = cli(*command.split())
    assert done.code == 0, done.err
    assert "instruction" in Path("finetrie.toml").read_text("utf-8")
