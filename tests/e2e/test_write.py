"""`finetrie write` through the command line, against a server on localhost that fails in every way there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.data.reading import read
from finetrie.data.synthesis import Cache, read_template
from finetrie.data.synthesis.prompts import DEFAULTS
from finetrie.files import read_json, read_jsonl, text_hash
from tests.e2e.conftest import Cli, write_jsonl
from tests.e2e.llm_server import UNDER_WAY, Body, Llm, Moody, completion, send, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ROWS = 40
KEY = "sk-of-a-test-0123456789"


@pytest.fixture
def llm() -> Iterator[Llm]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def label(body: Body) -> bytes:
    """A label by the dice of the request; one in five answers is none of the labels."""
    dice = int(text_hash(json.dumps(body, sort_keys=True))[1:3], 16)
    return completion("娱乐" if dice % 5 == 0 else ("体育", "财经")[dice % 2])


def asked(body: Body) -> str:
    return str(body["messages"][-1]["content"])


def news(folder: Path, rows: int = ROWS) -> Path:
    return write_jsonl(folder / "news.jsonl", [{"text": f"第{i}条新闻：今天的消息"} for i in range(rows)])


def options(llm: Llm, *more: Any) -> list[Any]:
    return [
        *("--recipe", "label", "--labels", "体育,财经", "--endpoint", llm.url, "--model", "large"),
        *("--key-env", "LLM_KEY", "--set", f"endpoint.concurrency={UNDER_WAY}", *more),
    ]


def command(folder: Path, llm: Llm) -> subprocess.Popen[str]:
    """The same command a user types, in a process of its own."""
    arguments = ["write", "news.jsonl", "out.jsonl", *options(llm, "--set", "endpoint.timeout=0.5")]
    return subprocess.Popen(
        [sys.executable, "-m", "finetrie.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "LLM_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("out*.jsonl"))}


def test_a_command_that_is_killed_ends_like_one_that_is_not_and_pays_for_nothing_twice(
    tmp_path: Path, llm: Llm
) -> None:
    killed, alone = tmp_path / "killed", tmp_path / "alone"
    for folder in (killed, alone):
        folder.mkdir()
        news(folder)

    first = llm.serve(Moody(label, limit=25))
    process = command(killed, llm)
    assert first.all_held.wait(60)
    process.kill()
    process.communicate()
    first.release.set()
    assert first.answered.total() == 25
    assert written(killed) == {}

    second = llm.serve(Moody(label))
    process = command(killed, llm)
    out, err = process.communicate(timeout=60)
    second.release.set()
    assert (process.returncode, out.strip()) == (0, "out.jsonl"), err

    whole = llm.serve(Moody(label))
    process = command(alone, llm)
    _, err = process.communicate(timeout=60)
    whole.release.set()
    assert process.returncode == 0, err

    assert written(killed) == written(alone)
    assert list(written(killed)) == ["out.jsonl", "out.provenance.jsonl", "out.rejected.jsonl"]
    assert first.answered + second.answered == whole.answered
    assert set(whole.answered.values()) == {1}
    assert whole.failures.keys() == {"hang", "429", "500", "cut", "nonsense", "html"}
    assert whole.keys == {f"Bearer {KEY}"}
    origins = [row["source"] for row in read_jsonl(alone / "out.provenance.jsonl")]
    rejected = [row["origin"] for row in read_jsonl(alone / "out.rejected.jsonl")]
    assert sorted(origins + rejected) == sorted(f"news.jsonl:{i}" for i in range(1, ROWS + 1))
    assert KEY not in "".join(path.read_text("utf-8", "replace") for path in alone.iterdir())
    with Cache(killed / "out.answers.sqlite") as cache:
        assert len(cache) == whole.answered.total()


def test_refused_answers_and_where_a_row_comes_from_are_on_record(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    def answer(body: Body) -> bytes:
        draw = body["seed"]
        if "第0条" in asked(body):
            return completion("都不是")
        return completion("娱乐" if "第1条" in asked(body) and draw == 0 else "体育", reasoning_content="想了想")

    llm.serve(Moody(answer, moody=False))
    done = cli("write", news(tmp_path, 3), tmp_path / "out.csv", *options(llm))
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "out.csv")), done.err
    assert "2 of 3 rows written (answer_refused 1); 6 answers, 0 of them from the cache; 210 tokens" in done.err
    assert f"1 rows were left out; each stands with its reason in {tmp_path / 'out.rejected.jsonl'}" in done.err
    assert [(row.text, row.target) for row in read(tmp_path / "out.csv")] == [
        ("第1条新闻：今天的消息", "体育"),
        ("第2条新闻：今天的消息", "体育"),
    ]
    (rejected,) = read_jsonl(tmp_path / "out.rejected.jsonl")
    assert (rejected["rule"], rejected["text"]) == ("answer_refused", "第0条新闻：今天的消息")
    assert [refused["answer"] for refused in rejected["row"]["answers"]] == ["都不是"] * 3
    assert rejected["provenance"]["answers"] == 3
    first, second = read_jsonl(tmp_path / "out.provenance.jsonl")
    assert first["source"] == "news.jsonl:2"
    assert [refused["answer"] for refused in first["refused"]] == ["娱乐"]
    assert (second["model"], second["served"], second["recipe"]) == ("large", "large-2026", "label")
    assert second["reasoning"] == "想了想"


def test_a_budget_ends_the_work_early_and_a_larger_one_goes_on(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    model = llm.serve(Moody(lambda body: completion("体育"), moody=False))
    src = news(tmp_path, 20)
    short = cli("write", src, tmp_path / "out.jsonl", *options(llm, "--budget", "900"))
    assert short.code == 1
    assert "the budget of 900 tokens did not reach" in short.err
    rows = list(read_jsonl(tmp_path / "out.jsonl"))
    missing = list(read_jsonl(tmp_path / "out.rejected.jsonl"))
    assert {row["rule"] for row in missing} == {"over_budget"}
    assert 0 < len(rows) == 20 - len(missing)
    paid = model.answered.total()
    assert 35 * paid <= 900
    more = cli("write", src, tmp_path / "out.jsonl", *options(llm, "--budget", "100000"))
    assert more.code == 0
    assert f"20 answers, {paid} of them from the cache" in more.err
    assert len(list(read_jsonl(tmp_path / "out.jsonl"))) == 20
    assert set(model.answered.values()) == {1}


def test_a_recipe_file_says_it_all_and_options_come_on_top(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    """Paths in the file start at its folder; the prompt is the user's own."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    news(folder, 2)
    (folder / "prompt.txt").write_text("[system]\n出题\n[user]\n请为它提问：{text}\n", encoding="utf-8")
    (folder / "recipe.toml").write_text(
        f"""
[source]
data = "news.jsonl"
[recipe]
kind = "question"
prompt = "prompt.txt"
variants = 2
[endpoint]
base_url = "{llm.url}"
model = "large"
[output]
path = "asked.json"
format = "alpaca"
""",
        encoding="utf-8",
    )
    bodies: list[Body] = []

    def answer(body: Body) -> bytes:
        bodies.append(body)
        return completion(f"问题{body['seed']}是什么？")

    llm.serve(Moody(answer, moody=False))
    done = cli("write", folder / "recipe.toml", "--model", "larger")
    assert done.code == 0, done.err
    assert {body["model"] for body in bodies} == {"larger"}
    assert bodies[0]["messages"][0] == {"role": "system", "content": "出题"}
    assert asked(bodies[0]).startswith("请为它提问：第")
    rows = read_json(folder / "asked.json")
    assert rows[0] == {"instruction": "问题0是什么？", "input": "", "output": "第0条新闻：今天的消息"}
    assert len(rows) == 4


def test_entities_come_back_with_offsets_in_any_form(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    src = write_jsonl(tmp_path / "texts.jsonl", [{"text": "他在南京工作"}, {"text": "没有什么"}])

    def answer(body: Body) -> bytes:
        found = '{"entity_text": "南京", "entity_label": "地名"}'
        return completion(found if "南京" in asked(body) else "没有找到任何实体")

    llm.serve(Moody(answer, moody=False))
    arguments = ["--recipe", "entities", "--labels", "地名，人名", "--endpoint", llm.url, "-m", "large"]
    done = cli("write", src, tmp_path / "out.conll", "--to", "conll", *arguments)
    assert done.code == 0, done.err
    assert "南 B-地名\n京 I-地名\n" in (tmp_path / "out.conll").read_text("utf-8")


def test_a_paraphrase_keeps_label_and_reasoning(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    row = {"text": "今天的球赛很精彩", "label": "体育", "reasoning": "说的是球赛"}
    other = {"text": "股市今天上涨了", "label": "财经", "reasoning": "说的是股市"}
    src = write_jsonl(tmp_path / "texts.jsonl", [row, other])
    llm.serve(
        Moody(
            lambda body: completion("这一场比赛打得真好看" if "球赛" in asked(body) else "今日股票市场走高"),
            moody=False,
        )
    )
    arguments = ["--recipe", "paraphrase", "--endpoint", llm.url, "-m", "large"]
    done = cli("write", src, tmp_path / "out.jsonl", *arguments)
    assert done.code == 0, done.err
    assert next(read_jsonl(tmp_path / "out.jsonl")) == {**row, "text": "这一场比赛打得真好看"}


def test_reasoning_is_kept_where_it_is_asked_for(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    llm.serve(Moody(lambda body: completion("体育", reasoning_content="说的是球赛"), moody=False))
    for keep in ("false", "true"):
        done = cli(
            "write", news(tmp_path, 2), tmp_path / "out.jsonl", *options(llm, "--set", f"recipe.reasoning={keep}")
        )
        assert done.code == 0, done.err
        told = [row.get("reasoning") for row in read_jsonl(tmp_path / "out.jsonl")]
        assert told == (["说的是球赛"] * 2 if keep == "true" else [None] * 2)


def test_rows_that_got_no_answer_are_asked_for_again(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    def broken(handler: Any, body: Body) -> None:
        if "第1条" in asked(body):
            send(handler, b"{}", status=503)
        else:
            send(handler, completion("体育"))

    arguments = ["write", news(tmp_path, 3), tmp_path / "out.jsonl", *options(llm, "--set", "endpoint.tries=1")]
    llm.serve(broken)
    first = cli(*arguments)
    assert first.code == 1
    assert "1 rows got no answer from 127.0.0.1" in first.err
    assert len(list(read_jsonl(tmp_path / "out.jsonl"))) == 2
    model = llm.serve(Moody(lambda body: completion("体育"), moody=False))
    second = cli(*arguments)
    assert (second.code, model.answered.total()) == (0, 1)
    assert len(list(read_jsonl(tmp_path / "out.jsonl"))) == 3
    assert list(read_jsonl(tmp_path / "out.rejected.jsonl")) == []


def test_what_a_server_says_never_breaks_the_lists(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    """Half a surrogate pair in an error, in a model's name and in its thinking."""

    def strange(handler: Any, body: Body) -> None:
        if "第1条" in asked(body):
            send(handler, b'{"error": {"message": "no \\ud800"}}', status=400)
        else:
            answer = json.loads(completion("体育", reasoning_content="\ud83d"))
            send(handler, json.dumps({**answer, "model": "\udc00"}).encode())

    llm.serve(strange)
    done = cli("write", news(tmp_path, 3), tmp_path / "out.jsonl", *options(llm, "--set", "recipe.reasoning=true"))
    assert done.code == 0, done.err
    assert len(list(read_jsonl(tmp_path / "out.jsonl"))) == 2
    (rejected,) = read_jsonl(tmp_path / "out.rejected.jsonl")
    assert rejected["rule"] == "request_declined"
    assert [row["served"] for row in read_jsonl(tmp_path / "out.provenance.jsonl")] == ["\udc00"] * 2


def test_rows_that_cannot_be_read_or_written_are_listed(tmp_path: Path, llm: Llm) -> None:
    """From Python, with the tables of a recipe file."""
    src = tmp_path / "texts.jsonl"
    src.write_text('{"text": "一段好文本"}\n{broken\n{"text": "另一段文本</s>"}\n', encoding="utf-8")
    llm.serve(Moody(lambda body: completion("这是在问什么？"), moody=False))
    wrote = finetrie.write(
        src,
        tmp_path / "out.jsonl",
        source={"on_bad_row": "reject"},
        recipe={"kind": "question"},
        endpoint={"base_url": llm.url, "model": "large"},
        output={"format": "human_assistant"},
    )
    assert (wrote.rows, wrote.finished) == (1, True)
    assert next(read_jsonl(wrote.path))["text"] == "<s>Human: 这是在问什么？\n</s><s>Assistant: 一段好文本\n</s>"
    assert [(row["origin"], row["rule"]) for row in read_jsonl(wrote.rejected)] == [
        ("texts.jsonl:2", "bad_json"),
        ("texts.jsonl:3#question-1", "unwritable"),
    ]
    assert "2 rows were left out" in wrote.notices[-1]


def test_no_row_at_all_is_not_success(tmp_path: Path, cli: Cli, llm: Llm) -> None:
    llm.serve(Moody(lambda body: completion("都不是"), moody=False))
    done = cli("write", news(tmp_path, 2), tmp_path / "out.jsonl", *options(llm))
    assert done.code == 1
    assert "0 of 2 rows written (answer_refused 2)" in done.err


def test_a_dry_run_sends_nothing(tmp_path: Path, cli: Cli, llm: Llm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_KEY")
    model = llm.serve(Moody(label))
    done = cli("write", news(tmp_path, 3), tmp_path / "out.jsonl", *options(llm, "--dry-run"))
    assert done.code == 0, done.err
    assert "体育" in done.out
    assert "第0条新闻" in done.out
    assert "requests  3" in done.out
    assert not model.seen
    assert [path.name for path in tmp_path.iterdir()] == ["news.jsonl"]


@pytest.mark.parametrize("kind", ["question", "label", "entities", "paraphrase"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_prompt_that_is_shown_is_one_that_can_be_used(tmp_path: Path, cli: Cli, kind: str, language: str) -> None:
    done = cli("write", "--recipe", kind, "--language", language, "--show-prompt")
    assert done.code == 0
    (tmp_path / "prompt.txt").write_text(done.out, encoding="utf-8")
    shown, built_in = read_template(tmp_path / "prompt.txt"), DEFAULTS[kind, language]  # type: ignore[index]
    assert (shown.system, shown.user) == (built_in.system, built_in.user)


NOWHERE = ("--endpoint", "http://127.0.0.1:9", "--model", "large")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "label"], "endpoint.model: is required"),
        ([*NOWHERE], "recipe.kind: is required (known: question"),
        (["-r", "label", *NOWHERE], "--labels A,B"),
        (["-r", "label", *NOWHERE, "--set", "recipe.lables=1"], "'labels'"),
        (["-r", "label", "--endpoint", "127.0.0.1:9", "-m", "m"], "write http:// or https://"),
        (["-r", "label", "--labels", "A,B", *NOWHERE, "--key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY"),
        (["-r", "label", *NOWHERE, "--variants", "2"], "variants"),
        (["-r", "label", *NOWHERE, "--to", "conll"], "conll"),
        (["-r", "entities", *NOWHERE], "recipe.labels: is required"),
    ],
)
def test_a_wrong_setting_is_a_message_before_anything_is_sent(
    tmp_path: Path, cli: Cli, arguments: list[str], said: str
) -> None:
    done = cli("write", news(tmp_path, 2), tmp_path / "out.jsonl", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["news.jsonl"]


def test_the_file_to_read_is_never_written(tmp_path: Path, cli: Cli) -> None:
    src = news(tmp_path, 2)
    done = cli("write", src, src, "-r", "label", "--labels", "A,B", *NOWHERE)
    assert done.code == 2
    assert "is the file to read" in done.err


@pytest.mark.parametrize("arguments", [[], ["--show-prompt"]])
def test_what_is_missing_on_the_command_line_is_said(cli: Cli, arguments: list[str]) -> None:
    done = cli("write", *arguments)
    assert done.code == 2
    assert "Invalid value" in done.err
