"""Encoders: they learn, they see every entity, and nothing but safetensors is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrie.baselines import baseline_from
from finetrie.baselines.bert.sources import character_tokenizer
from finetrie.baselines.bert.training import logits
from finetrie.baselines.bert.windows import beginnings, entities, flat, merged, token_labels, windows
from finetrie.errors import ModelError
from finetrie.records import Example, Span
from tests.conftest import tiny_model
from tests.unit.baselines.rows import classification, classified, marked, ner

LABELS = ("GPE", "PER")
TOKENIZER: Any = character_tokenizer(["北京王小明 abc"])

spans_in = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from(LABELS)), max_size=8).map(
    lambda drawn: [Span(start, min(start + length, 31), label) for start, length, label in drawn]
)


@settings(max_examples=50)
@given(spans_in, st.integers(4, 40))
def test_entities_survive_as_classes_of_tokens_in_windows_of_any_length(spans: list[Span], longest: int) -> None:
    text, gold = "北京王小明 abc" * 4, flat(spans)
    parts = [
        (window.places, token_labels(window.places, gold, LABELS))
        for window in windows(TOKENIZER, [text], longest=longest)
    ]
    together = list(merged(parts))
    assert entities([place for place, _ in together], [found for _, found in together], LABELS) == gold
    assert [place for place, _ in together] == [(i, i + 1) for i in range(len(text))]


def test_entities_that_overlap_leave_the_longer_one() -> None:
    assert flat([Span(0, 2, "GPE"), Span(0, 4, "ORG"), Span(5, 6, "PER")]) == [Span(0, 4, "ORG"), Span(5, 6, "PER")]


def test_two_entities_side_by_side_stay_two() -> None:
    spans = [Span(0, 2, "GPE"), Span(2, 5, "GPE"), Span(5, 6, "PER")]
    [window] = windows(TOKENIZER, ["北京王小明北"], longest=20)
    assert entities(window.places, token_labels(window.places, spans, LABELS), LABELS) == spans


def test_an_inside_without_a_beginning_is_an_entity() -> None:
    places = [(0, 0), (0, 1), (1, 2), (2, 3), (0, 0)]
    assert entities(places, [0, 2, 2, 4, 0], LABELS) == [Span(0, 2, "GPE"), Span(2, 3, "PER")]


def test_a_text_that_is_cut_says_so(tmp_path: Path) -> None:
    rows = [Example("1", "体育" * 30, "体育", "f:1"), Example("2", "财经", "财经", "f:2")]
    fitted = baseline_from({"name": "encoder", "epochs": 1, "max_tokens": 16}).fit(
        rows, dev=(), task=classification(), seed=0
    )
    long, short = fitted.predict(rows)
    assert long.details == {"read": {"characters": 14, "of": 60}}
    assert short.details == {}


def test_scores_do_not_depend_on_the_batch() -> None:
    fitted: Any = baseline_from({"name": "encoder", "epochs": 1}).fit(
        classified(each=4), dev=(), task=classification(), seed=0
    )
    read = beginnings(fitted.encoder.tokenizer, [row.text for row in classified("test", each=3)], longest=256)
    together = logits(fitted.encoder.model, read, padding=0)
    alone = [logits(fitted.encoder.model, [window], padding=0)[0] for window in read]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_the_small_encoder_learns_its_rows_by_heart() -> None:
    rows = classified(each=6)
    fitted = baseline_from({"name": "encoder", "epochs": 25}).fit(rows, dev=(), task=classification(), seed=0)
    assert [said.answer for said in fitted.predict(rows)] == [row.target for row in rows]


def test_the_small_encoder_learns_entities_by_heart() -> None:
    rows = marked(rows=8)
    fitted = baseline_from({"name": "encoder", "epochs": 60, "batch_size": 8}).fit(rows, dev=(), task=ner(), seed=0)
    right = sum(
        len(set(said.answer) & set(row.target or ())) for said, row in zip(fitted.predict(rows), rows, strict=True)
    )
    assert right > 0.9 * sum(len(row.target or ()) for row in rows)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretrained encoder as a hub would give it: a masked language model without a head for labels."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("bert")
    tokenizer = character_tokenizer([row.text for row in classified()])
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_folder_with_an_encoder_is_fine_tuned_on_both_tasks(bert_folder: Path) -> None:
    encoder = baseline_from({"name": "encoder", "model": str(bert_folder), "epochs": 1})
    labels = encoder.fit(classified(each=3), dev=classified("test", each=1), task=classification(), seed=0)
    assert labels.facts["max_tokens"] == 64  # what the model reads, less than what was asked for
    assert labels.facts["encoder"] == str(bert_folder)
    assert labels.facts["best_epoch"] == 1
    spans = encoder.fit(marked(rows=6), dev=(), task=ner(), seed=0)
    assert len(list(spans.predict(marked("test", rows=4)))) == 4


def test_an_encoder_of_pickles_or_of_another_kind_is_refused(bert_folder: Path, tmp_path: Path) -> None:
    def fit(model: Path | str) -> None:
        baseline_from({"name": "encoder", "model": str(model)}).fit(
            classified(each=2), dev=(), task=classification(), seed=0
        )

    for file in bert_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        fit(tmp_path)
    tiny_model("qwen2").save_pretrained(tmp_path / "causal")
    with pytest.raises(ModelError, match="no encoder of the BERT family"):
        fit(tmp_path / "causal")
    with pytest.raises(ModelError, match="no encoder"):
        fit("finetrie/tiny")
    with pytest.raises(ModelError, match=r"encoder\.model = './nowhere'"):
        fit("./nowhere")


def test_the_random_generators_of_others_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    baseline_from({"name": "encoder", "epochs": 1}).fit(classified(each=2), dev=(), task=classification(), seed=9)
    torch.testing.assert_close(torch.rand(3), expected)
