"""Shared fixtures: real tiny models and a byte tokenizer built in code, and the real Qwen2.5 tokenizer when at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Models of the tests are so small that a second thread costs more than it gives, above all on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test depends on the clock: a busy machine makes no property false.
settings.register_profile("finetrie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("finetrie")

SHARED = Path(os.environ.get("FINETRIE_SHARED", Path(__file__).parents[2] / "shared"))
"""Real data sets and tokenizers, kept beside the project and never inside it."""

FAMILIES = ("qwen2", "qwen3", "llama", "glm4")


@pytest.fixture(autouse=True)
def _home_is_temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own home folder."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def shared(name: str) -> Path:
    """A path under the shared folder; skips the test, saying why, where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} in the shared folder (set FINETRIE_SHARED); not there")
    return path


@pytest.fixture(scope="session")
def byte_tokenizer() -> Any:
    """One token per UTF-8 byte with ChatML markers: no file, no download, every text round-trips."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])  # 256, 257, 258
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=(
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        ),
    )


@pytest.fixture(scope="session")
def qwen_tokenizer() -> Any:
    """The real Qwen2.5 tokenizer with its chat template."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(shared("tokenizers/qwen2.5"))


def tiny_model(family: str, *, seed: int = 0, vocab_size: int = 259, **changes: Any) -> Any:
    """A real causal LM of two layers and width 32, in float32 and eval mode, built in milliseconds."""
    import torch
    import transformers as t

    configs = {"qwen2": t.Qwen2Config, "qwen3": t.Qwen3Config, "llama": t.LlamaConfig, "glm4": t.Glm4Config}
    settings: dict[str, Any] = {
        "vocab_size": vocab_size,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 1024,
        "bos_token_id": None,
        "eos_token_id": min(258, vocab_size - 1),
        "pad_token_id": min(256, vocab_size - 1),
        "initializer_range": 0.2,  # far from uniform, so that a wrong mask shows
        "dtype": "float32",
        **changes,
    }
    torch.manual_seed(seed)
    return t.AutoModelForCausalLM.from_config(configs[family](**settings)).eval()


@pytest.fixture(params=FAMILIES)
def any_tiny_model(request: pytest.FixtureRequest) -> Any:
    return tiny_model(request.param)
