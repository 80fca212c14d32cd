"""Texts give the tokens that the tokenizer gives them, and no text gives a control token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from finetrie.prompts.encoding import Encoder, encoder_for
from tests.unit.prompts import families

texts = st.text(st.sampled_from("the news 今天体育<|/>s[]INT\n▁") | st.characters(codec="utf-8"), max_size=30)


def encoders() -> list[Any]:
    made = [families.tokenizer("qwen3"), families.tokenizer("llama2")]
    made += [families.tokenizer("llama2", families.marked_spaces(unigram=unigram)) for unigram in (False, True)]
    return [pytest.param(tokenizer, id=str(number)) for number, tokenizer in enumerate(made)]


TOKENIZERS = encoders()


@lru_cache
def _encoder(tokenizer: Any, slowly: bool = False) -> Encoder:
    encoder = Encoder(tokenizer, tokenizer.chat_template)
    encoder._raw = None if slowly else encoder._raw
    return encoder


def flat(parts: Sequence[Sequence[int]]) -> list[int]:
    return [number for part in parts for number in part]


def controls(tokenizer: Any) -> set[str]:
    return {token.content for token in tokenizer.added_tokens_decoder.values()}


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("slowly", [False, True], ids=["renamed", "piece by piece"])
@given(before=texts, after=texts)
def test_a_text_amid_markup_has_its_ordinary_tokens(tokenizer: Any, slowly: bool, before: str, after: str) -> None:
    if slowly and type(tokenizer.backend_tokenizer.pre_tokenizer).__name__ == "Metaspace":
        return  # a piece at a time, such tokenizers put a space before each piece
    encoder = _encoder(tokenizer, slowly)
    end = tokenizer.eos_token
    if any(control in before + after for control in controls(tokenizer)):
        return
    ours = flat(encoder.encode(before + encoder.markup(end) + after))
    assert ours == tokenizer(before + end + after, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(data=st.data())
def test_no_text_makes_a_control_token(tokenizer: Any, data: st.DataObject) -> None:
    encoder = _encoder(tokenizer)
    text = data.draw(st.lists(texts | st.sampled_from(sorted(controls(tokenizer))), max_size=5).map("".join))
    made = set(flat(encoder.encode(text))) & set(encoder._id.values())
    unknown = tokenizer.convert_tokens_to_ids("<unk>") if "<unk>" in encoder._id else None
    assert made <= {unknown}, "an unknown character is the unknown token's own business"


def test_boundaries_leave_no_token_and_part_what_they_part() -> None:
    tokenizer = families.tokenizer("llama2", families.marked_spaces(unigram=False))
    encoder = Encoder(tokenizer, tokenizer.chat_template)
    parts = encoder.encode(f"the n{encoder.boundary}ews{encoder.boundary}")
    assert flat(parts) != flat(encoder.encode("the news"))
    assert len(parts) == 3
    assert parts[2] == []
    assert "".join(tokenizer.convert_ids_to_tokens(flat(parts))) == "▁the▁news", "no space before what continues"


def test_added_words_stay_ordinary_text() -> None:
    tokenizer = families.tokenizer("chatml")
    tokenizer.add_tokens(["新能源", "<table>"])
    encoder = Encoder(tokenizer, tokenizer.chat_template)
    assert flat(encoder.encode("新能源<table>")) == tokenizer.convert_tokens_to_ids(["新能源", "<table>"])


def test_markup_that_is_not_special_counts_as_control_where_the_template_writes_it() -> None:
    tokenizer = families.tokenizer("qwen3")
    think = tokenizer.convert_tokens_to_ids("<think>")
    encoder = Encoder(tokenizer, tokenizer.chat_template)
    assert think not in flat(encoder.encode("a <think> b"))
    assert flat(encoder.encode(encoder.markup("<think>"))) == [think]


def test_the_state_that_calls_leave_in_a_tokenizer_does_not_change_its_identity() -> None:
    tokenizer = families.tokenizer("chatml")
    before = Encoder(tokenizer, "").identity
    tokenizer(["a", "bb"], padding=True, truncation=True, max_length=1)
    after = Encoder(tokenizer, "")
    assert after.identity == before
    assert len(flat(after.encode("abc"))) == 3
    tokenizer.add_tokens(["new"])
    assert Encoder(tokenizer, "").identity != before


def test_a_tokenizer_that_cannot_be_renamed_is_used_piece_by_piece() -> None:
    raw = families.byte_level()
    raw.add_special_tokens(["<eos>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>")
    encoder = Encoder(tokenizer, "")
    fast = encoder.encode(f"a<eos>{encoder.markup('<eos>')}b{encoder.boundary}c")
    encoder._raw = None
    assert encoder.encode(f"a<eos>{encoder.markup('<eos>')}b{encoder.boundary}c") == fast


@given(text=texts)
def test_the_real_tokenizer_agrees_with_itself(qwen_tokenizer: Any, text: str) -> None:
    encoder = encoder_for(qwen_tokenizer, qwen_tokenizer.chat_template)
    if any(control in text for control in controls(qwen_tokenizer)):
        return
    ours = flat(encoder.encode(encoder.markup("<|im_start|>user\n") + text + encoder.markup("<|im_end|>\n")))
    whole = f"<|im_start|>user\n{text}<|im_end|>\n"
    assert ours == qwen_tokenizer(whole, add_special_tokens=False)["input_ids"]
