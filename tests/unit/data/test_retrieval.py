"""Retrieval by vectors as a run file and `check` ask for it: which encoder, and what is done about what it finds."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest

from finetrie import steps
from finetrie.config import load_run, parse_run
from finetrie.data.duplicates import CharacterNgrams, Retrieval, encoders, retrieval
from finetrie.data.duplicates.encoders import TRIES, Remembering, ServedEncoder
from finetrie.data.preparation import Plan, prepare_rows
from finetrie.errors import ConfigError, ModelError
from finetrie.files import read_jsonl
from finetrie.records import Example, Span
from finetrie.steps.cleaning import chosen_retrieval
from tests.unit.data.writing import jsonl

TOPICS = {"球": 0, "足球": 0, "比赛": 0, "股": 1, "基金": 1}


def by_topic(texts: Sequence[str]) -> np.ndarray:
    """An encoder that sees what a text is about and nothing else: all texts of a topic are the same to it."""
    topic = [next((n for word, n in TOPICS.items() if word in text), 2) for text in texts]
    return np.eye(3, dtype=np.float32)[topic]


def row(id: str, text: str, target: Any = "体育") -> Example:
    return Example(id, text, target, f"a.jsonl:{id}")


def prepared(examples: Sequence[Example], kind: str = "classification") -> Any:
    return prepare_rows(examples, Plan(copies="vector", retrieval=Retrieval(by_topic, 0.9)), kind=kind)


def test_what_only_vectors_find_is_no_copy_unless_the_entities_say_the_same() -> None:
    """An encoder sees that two rows are alike, not that they say the same: the words decide about dropping."""
    same = prepared([row("1", "昨晚的足球真精彩啊大家都在看"), row("2", "球队在主场赢下关键一战")])
    assert len(same.examples) == 2
    texts = ("张三今天去北京开会谈合作", "为了谈合作去北京开会的是张三")
    spans = [
        tuple(sorted(Span(t.index(w), t.index(w) + 2, k) for w, k in (("张三", "PER"), ("北京", "LOC")))) for t in texts
    ]
    alike = prepared([row("1", texts[0], spans[0]), row("2", texts[1], spans[1])], "ner")
    assert [r.rule for r in alike.rejected] == ["vector_duplicate"]
    assert "cosine similarity 1.00" in alike.rejected[0].reason


def test_different_labels_of_what_vectors_hold_for_the_same_are_a_conflict() -> None:
    found = prepared([row("1", "昨晚的足球真精彩啊大家都在看"), row("2", "球队在主场赢下关键一战", "财经")])
    assert [(match.found, match.difference.sign) for match in found.conflicts] == [("vector", "paraphrase")]
    assert len(found.examples) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("张三今天去北京开会谈合作", "李四今天去北京开会谈合作", id="another entity"),
        pytest.param("这家公司昨天发布了新的财报数据", "这家公司昨天没发布了新的财报数据", id="a negation"),
        pytest.param("球队三比一赢下了昨晚的比赛", "球队三比二赢下了昨晚的比赛", id="a number"),
    ],
)
@pytest.mark.parametrize("encoder", [by_topic, CharacterNgrams()], ids=["sees the topic", "offline"])
def test_a_pair_that_differs_in_an_entity_a_number_or_a_negation_is_kept(encoder: Any, one: str, other: str) -> None:
    plan = Plan(copies="vector", retrieval=Retrieval(encoder, 0.6))
    ready = prepare_rows([row("1", one), row("2", other)], plan, kind="classification")
    assert len(ready.examples) == 2
    assert not ready.conflicts


def test_a_plan_for_vectors_says_by_which() -> None:
    with pytest.raises(ValueError, match="needs a retrieval"):
        Plan(copies="vector")


def files(folder: Path) -> tuple[Path, Path]:
    """Of the training rows only the last is about the topic of the test row, and no word of it is the same."""
    words = ("楼市", "油价", "教育", "科技", "旅游", "天气", "交通", "电影", "音乐", "美食")
    rows = [
        {"text": f"{a}与{b}的消息传来了第{i}{j}条", "label": "财经" if i < 5 else "文化"}
        for i, a in enumerate(words)
        for j, b in enumerate(words)
    ]
    known = {"text": "老基民都说最近的基金不好做", "label": "财经"}
    asked = {"text": "大盘连续三天下跌，个股普遍承压", "label": "财经"}
    return jsonl(folder / "train.jsonl", [*rows, known]), jsonl(folder / "test.jsonl", [asked])


def test_a_run_takes_what_vectors_find_out_of_training_never_out_of_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_library(monkeypatch)
    train, test = files(tmp_path)
    asked = {"leaks": "vector", "vectors": "sentence-transformers:topics"}
    run = parse_run({"data": {"train": str(train), "test": str(test), "dev_fraction": 0.0}, "prepare": asked})
    workspace = steps.prepare(run, out=tmp_path / "run")
    rejected = [dict(line) for line in read_jsonl(workspace.files.rejected)]
    leaks = [(line["rule"], line["origin"], line["partner"]) for line in rejected if line["rule"].endswith("_leak")]
    assert leaks == [("vector_leak", "train.jsonl:101", "test.jsonl:1")]
    assert len(list(read_jsonl(workspace.files.test))) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"copies": "vector", "vectors": "ofline"}, "no such encoder 'ofline', did you mean 'offline'"),
        ({"copies": "vector", "vectors": "http://localhost:8000/v1"}, "no such encoder 'http://localhost:8000/v1'"),
        ({"copies": "vector", "vectors": "sentence-transformers:"}, "no such encoder"),
        ({"copies": "near", "vectors": "offline"}, "prepare.vectors = 'offline' is not used"),
        ({"leaks": "near", "similarity": 0.5}, "prepare.similarity = 0.5 is not used"),
    ],
)
def test_an_encoder_that_does_not_exist_or_is_not_used_is_named(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        chosen_retrieval(parse_run({"data": {"train": "a"}, "prepare": asked}).prepare)
    assert message in str(caught.value)
    assert "fix:" in str(caught.value)


def test_the_threshold_suits_the_encoder_unless_it_is_given() -> None:
    assert retrieval("offline").alike == 0.6
    assert retrieval("offline", similarity=0.8).alike == 0.8
    assert retrieval("http://localhost/v1#bge").alike == 0.9


def fake_library(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """sentence-transformers, as far as it is used here."""
    loaded: list[str] = []

    class SentenceTransformer:
        def __init__(self, model: str, device: str | None = None) -> None:
            if model == "nobody/nothing":
                raise OSError("nobody/nothing is not a local folder and is not a valid model identifier")
            loaded.append(model)

        def encode(self, texts: list[str], *, batch_size: int, show_progress_bar: bool) -> np.ndarray:
            return by_topic(texts)

    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    return loaded


def test_a_model_for_sentence_transformers_is_found_beside_the_run_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = fake_library(monkeypatch)
    (tmp_path / "bge").mkdir()
    (tmp_path / "run.toml").write_text(
        '[data]\ntrain = "a"\n[prepare]\ncopies = "vector"\nvectors = "sentence-transformers:bge"\n', encoding="utf-8"
    )
    chosen = chosen_retrieval(load_run(tmp_path / "run.toml").prepare)
    assert chosen is not None
    assert loaded == [str((tmp_path / "bge").resolve())]
    assert chosen.encoder(["足球", "股"]).tolist() == by_topic(["足球", "股"]).tolist()
    with pytest.raises(ModelError, match=r"nobody/nothing: cannot be loaded"):
        retrieval("sentence-transformers:nobody/nothing")


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"pip install .finetrie\[embeddings\]"):
        retrieval("sentence-transformers:bge")


def service(replies: Sequence[int] = (), asked: list[list[str]] | None = None) -> httpx.MockTransport:
    """An embedding service that first answers with these statuses."""
    left = list(replies)

    def answer(request: Any) -> httpx.Response:
        texts = json.loads(request.content)["input"]
        if asked is not None:
            asked.append(texts)
        if left:
            return httpx.Response(left.pop(0), headers={"retry-after": "7"})
        data = [{"index": i, "embedding": vector.tolist()} for i, vector in enumerate(by_topic(texts))]
        return httpx.Response(200, json={"data": data})

    return httpx.MockTransport(answer)


def test_a_service_gets_the_key_and_each_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(encoders.KEY, "a-secret-key")
    asked: list[list[str]] = []
    chosen = retrieval("https://llm.test/v1#bge", transport=service(asked=asked))
    for texts in (["球", "股"], ["股", "球", "油"]):
        assert chosen.encoder(texts).tolist() == by_topic(texts).tolist()
    assert asked == [["球", "股"], ["油"]]


def test_a_busy_service_is_asked_again_after_the_pause_it_names() -> None:
    waited: list[float] = []
    encoder = ServedEncoder("http://a/v1", "bge", transport=service([429, 503]), sleep=waited.append)
    assert encoder(["球"]).tolist() == by_topic(["球"]).tolist()
    assert waited == [7, 7]


def test_a_service_that_stays_busy_is_given_up() -> None:
    waited: list[float] = []
    encoder = ServedEncoder("http://a/v1", "bge", transport=service([503] * TRIES), sleep=waited.append)
    with pytest.raises(ModelError, match="503"):
        encoder(["球"])
    assert len(waited) == TRIES - 1


def test_a_refusal_is_not_repeated() -> None:
    asked: list[list[str]] = []
    with pytest.raises(ModelError, match="404"):
        ServedEncoder("http://a/v1", "bge", transport=service([404], asked), sleep=lambda s: None)(["球"])
    assert len(asked) == 1


def test_an_encoder_is_asked_about_new_texts_only() -> None:
    seen: list[str] = []

    def encoder(texts: Sequence[str]) -> np.ndarray:
        seen.extend(texts)
        return by_topic(texts)

    remembering = Remembering(encoder)
    remembering(["a", "b", "a"])
    remembering(["b"])
    assert seen == ["a", "b"]


def test_check_shows_what_vectors_find_and_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_library(monkeypatch)
    train, test = files(tmp_path)
    plain = steps.check(train, against=test, out=tmp_path)
    assert plain.card["duplicates"]["vector"] is None
    assert plain.card["leaks"]["count"] == 0
    assert "by their vectors" not in plain.html.read_text(encoding="utf-8")
    checked = steps.check(train, against=test, vectors="sentence-transformers:topics", out=tmp_path)
    assert checked.card["duplicates"]["vector"] == 0
    assert checked.card["leaks"]["rules"] == {"vector_leak": 1}
    assert "found by their vectors" in checked.html.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="similarity is not used without vectors"):
        steps.check(train, similarity=0.7, out=tmp_path)
