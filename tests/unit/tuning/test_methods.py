"""Laws of every tuning method, then what is particular to each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrie.errors import CheckpointError, ModelError, UnknownName
from finetrie.models.describe import describe
from finetrie.tuning import METHODS, Method, trainable, trainable_counts
from finetrie.tuning.full import Full
from finetrie.tuning.lora import Lora, linear_layers
from tests.conftest import FAMILIES, tiny_model

IDS = torch.arange(40).reshape(2, 20)
QWEN_LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]

METHODS_UNDER_TEST = [
    pytest.param(Full(), id="full"),
    pytest.param(Lora(rank=4, dropout=0.1), id="lora"),
    pytest.param(Lora(rank=4, targets=["q_proj", "self_attn.v_proj"]), id="lora on two targets"),
    pytest.param(Lora(rank=4, rslora=True), id="rslora"),
    pytest.param(Lora(rank=4, dora=True), id="dora"),
]


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits.float()


def trained(method: Method, **base: Any) -> Any:
    """The method on a tiny base after three steps of plain SGD-like noise on what it trains."""
    model = method.prepare(tiny_model("qwen2", **base), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in trainable(model).values():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
@pytest.mark.parametrize("family", FAMILIES)
def test_prepare_changes_nothing_until_it_is_trained(method: Method, family: str) -> None:
    if isinstance(method, Lora) and method.targets != "all-linear" and family == "glm4":
        method = Lora(rank=4, targets=["q_proj", "v_proj"])
    torch.testing.assert_close(
        logits(method.prepare(tiny_model(family))), logits(tiny_model(family)), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
def test_equal_seeds_give_equal_weights_and_leave_the_global_random_state(method: Method) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    base = tiny_model("qwen2")
    torch.set_rng_state(before)
    first = trainable(method.prepare(base, seed=3))
    assert torch.equal(torch.get_rng_state(), before)
    again, other = (trainable(method.prepare(tiny_model("qwen2"), seed=seed)) for seed in (3, 4))
    assert list(first) == list(again)
    assert all(torch.equal(first[name], again[name]) for name in first)
    if isinstance(method, Lora):
        assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
@pytest.mark.parametrize("tied", [True, False])
def test_save_then_load_gives_identical_logits(method: Method, tied: bool, tmp_path: Path) -> None:
    model = trained(method, tie_word_embeddings=tied)
    folder = method.save(model, tmp_path / method.folder)
    loaded = method.load(tiny_model("qwen2", tie_word_embeddings=tied), folder)
    assert torch.equal(logits(loaded), logits(model))
    assert not trainable(loaded)
    assert not torch.equal(logits(loaded), logits(tiny_model("qwen2", tie_word_embeddings=tied)))


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
def test_only_safetensors_and_json_are_written_and_equal_weights_are_equal_files(
    method: Method, tmp_path: Path
) -> None:
    one, two = (method.save(trained(method), tmp_path / name) for name in ("one", "two"))
    assert {file.suffix for file in one.iterdir()} <= {".safetensors", ".json"}
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
def test_saving_again_replaces_the_folder(method: Method, tmp_path: Path) -> None:
    folder = tmp_path / method.folder
    method.save(method.prepare(tiny_model("qwen2")), folder)
    model = trained(method)
    method.save(model, folder)
    assert torch.equal(logits(method.load(tiny_model("qwen2"), folder)), logits(model))
    assert [path.name for path in tmp_path.iterdir()] == [method.folder]


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_half_a_folder_is_refused(method: Method, damage: str, tmp_path: Path) -> None:
    folder = method.save(trained(method), tmp_path / "saved")
    (weights,) = folder.glob("*.safetensors")
    content = weights.read_bytes()
    weights.unlink()
    if damage == "cut off":
        weights.write_bytes(content[:-100])
    with pytest.raises(CheckpointError, match=r"safetensors|no weights"):
        method.load(tiny_model("qwen2"), folder)


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
@pytest.mark.parametrize("change", [{"hidden_size": 64}, {"num_hidden_layers": 1}, {"num_hidden_layers": 3}])
def test_weights_of_another_base_are_refused(method: Method, change: dict[str, int], tmp_path: Path) -> None:
    folder = method.save(trained(method), tmp_path / "saved")
    with pytest.raises(CheckpointError, match=r"do(es)? not fit the base"):
        method.load(tiny_model("qwen2", **change), folder)


@pytest.mark.parametrize("method", METHODS_UNDER_TEST)
def test_weights_that_move_are_float32_on_a_bf16_base(method: Method, tmp_path: Path) -> None:
    model = method.prepare(tiny_model("qwen2").to(torch.bfloat16))
    assert {p.dtype for p in trainable(model).values()} == {torch.float32}
    method.save(model, tmp_path / "saved")
    loaded = method.load(tiny_model("qwen2").to(torch.bfloat16), tmp_path / "saved")
    torch.testing.assert_close(logits(loaded), logits(tiny_model("qwen2").to(torch.bfloat16)), rtol=0, atol=0.1)


def test_full_saves_the_dtype_of_the_base_and_ties_once(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    base = tiny_model("qwen2", tie_word_embeddings=True).to(torch.bfloat16)
    folder = Full().save(Full().prepare(base), tmp_path / "model")
    Full().save(base, folder)  # a second time is like the first
    state = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in state.values()} == {torch.bfloat16}
    assert "lm_head.weight" not in state
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"


def test_full_saves_a_base_whose_sampling_settings_transformers_would_not_write(tmp_path: Path) -> None:
    model = Full().prepare(tiny_model("qwen2"))
    model.generation_config.temperature = 0.3  # without do_sample, as in Llama-2-chat
    folder = Full().save(model, tmp_path / "model")
    saved = json.loads((folder / "generation_config.json").read_text())
    assert (saved["eos_token_id"], saved["pad_token_id"]) == (258, 256)
    assert "temperature" not in saved
    assert model.generation_config.temperature == 0.3


def test_describe_sees_through_the_adapter() -> None:
    facts = describe(Lora(rank=4).prepare(tiny_model("qwen2")))
    assert facts["architecture"] == "Qwen2ForCausalLM"
    assert 0 < facts["trainable"] < facts["parameters"]


def test_lora_trains_adapters_only() -> None:
    model = Lora(rank=4).prepare(tiny_model("qwen2"))
    assert all("lora_" in name for name in trainable(model))
    counts = trainable_counts(model)
    shapes = [(m.in_features, m.out_features) for m in linear_layers(tiny_model("qwen2")).values()]
    assert counts.trainable == sum(4 * (i + o) for i, o in shapes)
    assert counts.share == counts.trainable / counts.total
    assert trainable_counts(Full().prepare(tiny_model("qwen2"))).share == 1


def test_all_linear_leaves_the_output_head_alone() -> None:
    config = Lora().prepare(tiny_model("qwen2", tie_word_embeddings=False)).peft_config["default"]
    assert sorted(config.target_modules) == QWEN_LINEAR


def test_unknown_target_lists_the_linear_layers() -> None:
    with pytest.raises(ModelError, match="'q_prj', did you mean 'q_proj'") as caught:
        Lora(targets=["v_proj", "q_prj"]).prepare(tiny_model("qwen2"))
    assert ", ".join(QWEN_LINEAR) in str(caught.value)
    with pytest.raises(ModelError, match="no linear layer"):
        Lora(targets=["input_layernorm"]).prepare(tiny_model("qwen2"))
    with pytest.raises(ModelError, match="nothing"):
        Lora(targets=[]).prepare(tiny_model("qwen2"))


def test_adapter_config_says_what_was_trained(tmp_path: Path) -> None:
    folder = Lora(rank=4, alpha=8, dora=True).save(trained(Lora(rank=4, alpha=8, dora=True)), tmp_path / "adapter")
    saved = json.loads((folder / "adapter_config.json").read_text())
    assert (saved["peft_type"], saved["r"], saved["lora_alpha"], saved["use_dora"]) == ("LORA", 4, 8, True)
    assert saved["target_modules"] == QWEN_LINEAR


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_one_that_peft_itself_reads(tmp_path: Path) -> None:
    import peft

    model = trained(Lora(rank=4))
    folder = Lora(rank=4).save(model, tmp_path / "adapter")
    assert torch.equal(logits(peft.PeftModel.from_pretrained(tiny_model("qwen2"), folder)), logits(model))


def test_methods_are_found_by_name() -> None:
    assert METHODS.names() == ["full", "lora"]
    assert METHODS.get("lora")(rank=2) == Lora(rank=2)
    with pytest.raises(UnknownName, match="did you mean 'lora'"):
        METHODS.get("lorra")
