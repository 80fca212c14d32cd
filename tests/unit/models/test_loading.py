"""Laws: what was saved is what is loaded. Every folder that cannot be used says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrie.errors import ModelError
from finetrie.models.describe import describe
from finetrie.models.loading import load_model, load_tokenizer
from finetrie.models.precision import LARGE_ON_CPU, choose_device, choose_dtype, cpu_has_bf16
from tests.conftest import FAMILIES, tiny_model

Save = Callable[..., Path]
IDS = torch.arange(12)[None]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shard", [pytest.param("50MB", id="one file"), pytest.param("40KB", id="shards")])
def test_a_saved_model_gives_the_same_logits_when_loaded(model_folder: Save, family: str, shard: str) -> None:
    folder = model_folder(family, shard=shard)
    assert (len(list(folder.glob("*.safetensors"))) > 1) == (shard == "40KB")
    loaded = load_model(str(folder))
    assert torch.equal(loaded.model(IDS).logits, tiny_model(family)(IDS).logits)
    assert not loaded.model.training
    assert loaded.dtype == torch.float32
    assert loaded.source["kind"] == "folder"
    assert loaded.tokenizer.decode(loaded.tokenizer("你好").input_ids) == "你好"


def test_the_dtype_asked_for_is_the_dtype_of_the_weights(model_folder: Save) -> None:
    loaded = load_model(str(model_folder()), dtype="bf16")
    assert {p.dtype for p in loaded.model.parameters()} == {torch.bfloat16}
    assert loaded.source["dtype"] == "bf16"


def test_the_attention_asked_for_is_the_attention_used(model_folder: Save) -> None:
    assert load_model(str(model_folder()), attention="eager").model.config._attn_implementation == "eager"


def test_an_unknown_attention_names_the_setting(model_folder: Save) -> None:
    with pytest.raises(ModelError, match=r"model\.attention = 'sdpa'"):
        load_model(str(model_folder()), attention="flash_attention_2")


def test_tokenizer_alone_needs_no_weights(model_folder: Save) -> None:
    folder = model_folder()
    (folder / "model.safetensors").unlink()
    assert load_tokenizer(str(folder)).pad_token == "<|endoftext|>"


def test_a_tokenizer_without_padding_token_gets_one(model_folder: Save, byte_tokenizer: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    folder = model_folder("llama")
    backend = byte_tokenizer.backend_tokenizer.from_str(byte_tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>").save_pretrained(folder)
    assert load_tokenizer(str(folder)).pad_token == "<|im_end|>"


def test_folder_without_tokenizer_says_so(model_folder: Save) -> None:
    folder = model_folder()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match=r"no tokenizer; expected one of tokenizer.json"):
        load_model(str(folder))


def test_folder_without_config_says_what_it_found(model_folder: Save) -> None:
    folder = model_folder()
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json \(found: .*model\.safetensors"):
        load_model(str(folder))


def test_missing_shard_is_named(model_folder: Save) -> None:
    folder = model_folder(shard="40KB")
    gone = sorted(folder.glob("model-*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(ModelError, match=rf"1 of \d+ weight files are missing: {gone.name}"):
        load_model(str(folder))


@pytest.mark.parametrize("bytes_left", [0, 5, 100, 60_000])
def test_cut_off_weights_are_found_before_they_are_read(model_folder: Save, bytes_left: int) -> None:
    folder = model_folder()
    weights = folder / "model.safetensors"
    assert weights.stat().st_size > bytes_left
    weights.write_bytes(weights.read_bytes()[:bytes_left])
    with pytest.raises(ModelError, match=r"model\.safetensors: not a whole safetensors file"):
        load_model(str(folder))


def test_pickled_weights_are_refused_with_the_command_that_converts_them(model_folder: Save) -> None:
    folder = model_folder()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle") as caught:
        load_model(str(folder))
    assert "save_pretrained" in str(caught.value)


def test_no_weights_at_all_is_not_called_pickled(model_folder: Save) -> None:
    folder = model_folder()
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        load_model(str(folder))


def test_an_encoder_is_not_a_causal_language_model(tmp_path: Path, byte_tokenizer: Any) -> None:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=259, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"bert model .*not a causal language model"):
        load_model(str(tmp_path))


def test_a_model_without_language_head_is_refused(tmp_path: Path, byte_tokenizer: Any) -> None:
    tiny_model("qwen2").model.save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="Qwen2Model"):
        load_model(str(tmp_path))


def test_weights_of_another_shape_are_refused_instead_of_made_up(model_folder: Save) -> None:
    folder = model_folder()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 128}))
    with pytest.raises(ModelError, match=r"mlp|shape|mismatch"):
        load_model(str(folder))


def test_weights_that_are_missing_are_refused_instead_of_made_up(model_folder: Save) -> None:
    folder = model_folder()
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 3
    if "layer_types" in config:
        config["layer_types"] = ["full_attention"] * 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="weights are missing"):
        load_model(str(folder))


def test_a_model_that_needs_code_of_its_own_is_refused(model_folder: Save) -> None:
    folder = model_folder()
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "homemade",
        "auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('this code must never run')")
    with pytest.raises(ModelError, match="finetrie never runs"):
        load_model(str(folder))


def test_broken_config_names_the_file(model_folder: Save) -> None:
    folder = model_folder()
    (folder / "config.json").write_text('{"model_type": "qwen2", ')
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(str(folder))


def test_a_tokenizer_larger_than_the_embeddings_is_refused(model_folder: Save) -> None:
    folder = model_folder(vocab_size=200)
    with pytest.raises(ModelError, match="259 tokens but the model only 200 embeddings"):
        load_model(str(folder))


def test_describe_counts_tied_embeddings_once(model_folder: Save) -> None:
    tied, apart = (tiny_model("qwen2", tie_word_embeddings=tie) for tie in (True, False))
    assert describe(apart)["parameters"] - describe(tied)["parameters"] == 259 * 32
    facts = describe(load_model(str(model_folder())).model)
    assert facts["architecture"] == "Qwen2ForCausalLM"
    assert (facts["layers"], facts["width"], facts["vocabulary"], facts["dtype"]) == (2, 32, 259, "fp32")
    assert facts["bytes"] == 4 * facts["parameters"]


def test_small_models_stay_in_fp32_and_large_ones_follow_the_processor() -> None:
    cpu = torch.device("cpu")
    assert choose_dtype("auto", device=cpu, parameters=LARGE_ON_CPU - 1) == torch.float32
    large = choose_dtype("auto", device=cpu, parameters=LARGE_ON_CPU)
    assert large == (torch.bfloat16 if cpu_has_bf16() else torch.float32)


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)])
def test_cuda_dtype_follows_compute_capability(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_dtype("auto", device=torch.device("cuda"), parameters=1) == expected


def test_unknown_dtype_and_device_name_the_near_miss() -> None:
    with pytest.raises(ModelError, match="did you mean 'bf16'"):
        choose_dtype("bf61", device=torch.device("cpu"), parameters=1)
    with pytest.raises(ModelError, match="no such kind of device"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="sees no CUDA device"):
            choose_device("cuda")


def test_an_index_that_is_no_index_is_named(model_folder: Save) -> None:
    folder = model_folder(shard="40KB")
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelError, match="not a weight index"):
        load_model(str(folder))
    shutil.rmtree(folder)
