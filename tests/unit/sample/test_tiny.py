"""The embedded base model: small, loadable by anyone's transformers, with a vocabulary made for short Chinese news."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.sample import sample_path
from finetrie.data.sample.grammar import ENTITY_LABELS, LABELS
from finetrie.models.tiny import tiny_folder

FOLDER = tiny_folder()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model() -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(FOLDER)


def test_the_weights_are_safetensors_in_half_precision_and_at_most_12_mb() -> None:
    from safetensors import safe_open

    weights = list(FOLDER.glob("*.safetensors"))
    assert [file.name for file in weights] == ["model.safetensors"]
    assert weights[0].stat().st_size <= 12_000_000
    assert not [file for pattern in ("*.bin", "*.pt", "*.pth", "*.pkl") for file in FOLDER.glob(pattern)]
    with safe_open(weights[0], framework="pt") as stored:
        assert {str(stored.get_slice(name).get_dtype()) for name in stored.keys()} == {"BF16"}  # noqa: SIM118


def test_finding_the_folder_needs_no_torch() -> None:
    code = (
        "import sys, importlib.util as u\n"
        f"spec = u.spec_from_file_location('tiny', {str(Path(FOLDER, '__init__.py'))!r},"
        f" submodule_search_locations=[{str(FOLDER)!r}])\n"
        "module = u.module_from_spec(spec); sys.modules['tiny'] = module; spec.loader.exec_module(module)\n"
        "print(module.tiny_folder()); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == FOLDER


def test_the_architecture_is_qwen2_with_tied_embeddings() -> None:
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert config["tie_word_embeddings"] is True
    assert config["max_position_embeddings"] == 2048


def test_config_and_tokenizer_name_no_machine_path() -> None:
    for name in ("config.json", "tokenizer_config.json", "generation_config.json", "README.md"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "/work" not in text, name
        assert "/tmp" not in text, name


def test_the_model_card_gives_the_figures_of_the_training() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    figures = json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))
    assert "toy" in card
    for name in ("steps", "tokens", "parameters", "seconds"):
        assert f"{figures[name]:,}" in card, name
    assert str(figures["final_loss"]) in card


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("昨日，青岛雄狮队在长溪体育馆夺冠。", id="chinese"),
        pytest.param("Bluestone Rovers won 3-1, didn't they?", id="english"),
        pytest.param("好消息🎉🏀，再见👋🏽", id="emoji"),
        pytest.param("龘靐齉㐀𠮷", id="rare-characters"),
        pytest.param("a  b\t\nc\r\n\n d　e\u2028f", id="white-space"),
        pytest.param('{"entity_text": "南京", "entity_label": "GPE"}\n', id="json"),
    ],
)
def test_a_text_survives_tokens_unchanged(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "<|" not in text))
def test_any_text_survives_tokens_unchanged(text: str) -> None:
    assert RAW.decode(RAW.encode(text).ids) == text


def _raw() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


RAW = _raw()


def test_labels_are_one_token_each(tokenizer: Any) -> None:
    for label in (*LABELS, *ENTITY_LABELS):
        assert len(tokenizer.encode(label)) == 1, label
    assert len({tokenizer.encode(label)[0] for label in LABELS}) == len(LABELS)


def test_the_frame_of_an_extracted_entity_is_three_tokens(tokenizer: Any) -> None:
    """Also a check that transformers loads the very tokenizer that was trained, not a Qwen2 one of its own."""
    assert len(tokenizer.encode('{"entity_text": "南京", "entity_label": "GPE"}\n')) == 5


def test_the_loaded_tokenizer_cuts_text_as_the_trained_one(tokenizer: Any) -> None:
    with sample_path("test").open(encoding="utf-8", newline="\n") as lines:
        for row in map(json.loads, lines):
            assert tokenizer.encode(row["text"]) == RAW.encode(row["text"]).ids


def test_chinese_takes_fewer_tokens_than_characters(tokenizer: Any) -> None:
    with sample_path("test").open(encoding="utf-8", newline="\n") as lines:
        texts = [row["text"] for row in map(json.loads, lines) if row["language"] == "zh"]
    assert sum(map(len, texts)) / sum(len(tokenizer.encode(text)) for text in texts) > 1.3


def test_the_chat_template_is_chatml_without_a_default_system_text(tokenizer: Any) -> None:
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "A"},
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    )
    assert tokenizer.apply_chat_template(messages[1:2], tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_end_of_a_turn_ends_generation(tokenizer: Any, model: Any) -> None:
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config.eos_token_id in (tokenizer.eos_token_id, [tokenizer.eos_token_id])
    assert tokenizer.pad_token == "<|endoftext|>"
    assert len(tokenizer) <= model.config.vocab_size


def test_logits_are_finite_over_the_whole_context(model: Any) -> None:
    import torch

    ids = torch.arange(600)[None] % model.config.vocab_size
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    assert logits.shape == (1, 600, model.config.vocab_size)
    assert torch.isfinite(logits).all()


def test_it_copies_what_it_has_never_seen(tokenizer: Any, model: Any) -> None:
    """The skill that makes it a base worth tuning for extraction."""
    text = "昨天，王思远把青瓷碗送到了松溪镇。"
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": f"请原样重复下面的文本\n\n文本：{text}"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    answer = model.generate(**prompt, max_new_tokens=40, do_sample=False)[0][prompt["input_ids"].shape[1] :]
    assert tokenizer.decode(answer, skip_special_tokens=True) == text
