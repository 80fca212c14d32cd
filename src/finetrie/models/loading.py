"""A base model and its tokenizer, ready to use, with every doubt about them settled before training starts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from finetrie.errors import ModelError
from finetrie.models.precision import choose_device, choose_dtype, dtype_name
from finetrie.models.sources import TOKENIZER_FILES, Source, has_tokenizer, local_folder, parse_source
from finetrie.models.weights import Header, read_header, weight_files

LONG_TO_LOAD = 1_000_000_000  # parameters


@dataclass(frozen=True)
class Loaded:
    """A base model in evaluation mode on its device, its tokenizer, and where both came from."""

    model: Any  # transformers.PreTrainedModel
    tokenizer: Any  # transformers.PreTrainedTokenizerBase
    device: torch.device
    dtype: torch.dtype
    source: Mapping[str, Any]  # kind, name, revision, folder, commit, dtype: for manifest.json


def load_model(
    base: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    attention: str = "sdpa",
    device: str | torch.device | None = None,
) -> Loaded:
    """Load a causal language model of any family that transformers knows, and its tokenizer.

    Args:
        base: a folder, `hf:owner/name`, `ms:owner/name`, `owner/name` or `finetrie/tiny`.
        revision: branch, tag or commit on the hub.
        dtype: auto, bf16, fp16 or fp32; `choose_dtype` says what auto means.
        attention: sdpa, eager or flash_attention_2.
        device: default: CUDA if there is one, else the CPU.

    Raises:
        ModelError: not found, not complete, not safetensors, not a causal language model, needs code of its own, or
            its tokenizer has more tokens than the model has embeddings.
    """
    source = parse_source(base, revision=revision)
    folder = local_folder(source)
    config = _causal_config(folder)
    tokenizer = _tokenizer(folder)
    headers = [read_header(file) for file in weight_files(folder)]
    chosen_device = choose_device(device)
    chosen_dtype = choose_dtype(dtype, device=chosen_device, parameters=sum(header.parameters for header in headers))
    model = _weights(folder, config, headers, dtype=chosen_dtype, attention=attention).to(chosen_device).eval()
    _check_vocabulary(folder, model, tokenizer)
    return Loaded(model, tokenizer, chosen_device, chosen_dtype, _describe_source(source, folder, chosen_dtype))


def load_tokenizer(base: str, *, revision: str | None = None) -> Any:
    """The tokenizer alone, without downloading or reading weights; it has a padding token.

    Raises:
        ModelError: not found, or the folder has no tokenizer.
    """
    return _tokenizer(local_folder(parse_source(base, revision=revision), weights=False))


def _causal_config(folder: Path) -> Any:
    """The model's configuration, if it is one of a causal language model.

    The auto class of transformers also accepts encoders such as BERT and warns; we refuse, because an encoder reads
    the answer while it is asked to predict it.
    """
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    path = folder / "config.json"
    if not path.is_file():
        found = ", ".join(sorted(file.name for file in folder.iterdir())[:8]) or "nothing"
        raise ModelError(
            f"{folder}: no config.json (found: {found})",
            fix="give the folder that holds config.json, tokenizer and weights; an adapter folder is not a base model",
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(f"{path}: {_reason(error)}", fix=_config_fix(error)) from None
    architectures = raw.get("architectures") or []
    known = CAUSAL.get(config.model_type, ())
    names = {known} if isinstance(known, str) else set(known)
    has_head = any(name in names or name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)
    encoder = config.model_type in MASKED and not getattr(config, "is_decoder", False)
    if not names or encoder or (architectures and not has_head):
        raise _not_causal(folder, config.model_type, architectures)
    return config


def _not_causal(folder: Path, model_type: str, architectures: list[str]) -> ModelError:
    kind = ", ".join(architectures) or model_type
    return ModelError(
        f"{folder}: a {model_type} model ({kind}), not a causal language model; "
        "expected one that writes a text from left to right",
        fix="choose a generative model such as Qwen2.5, Llama or GLM-4",
    )


def _config_fix(error: Exception) -> str:
    if "trust_remote_code" in str(error) or "custom code" in str(error):
        return "this model needs Python code from its own folder, which finetrie never runs; choose another model"
    return "download the file again, or upgrade transformers if the model is newer than it"


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not has_tokenizer(folder):
        raise ModelError(
            f"{folder}: no tokenizer; expected one of {', '.join(TOKENIZER_FILES[:4])}",
            fix="copy the tokenizer's files from where the model came from, or save both with save_pretrained",
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers, tokenizers and sentencepiece each raise their own kinds
        raise ModelError(f"{folder}: the tokenizer cannot be read: {_reason(error)}", fix=_config_fix(error)) from None
    if tokenizer.pad_token_id is None:
        # Padding is masked wherever it stands, so any token will do; without an end token there is always token 0.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _weights(folder: Path, config: Any, headers: list[Header], *, dtype: torch.dtype, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        with _bar_only_if_long(headers):
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                attn_implementation=attention,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        fix = "set model.attention = 'sdpa'" if "attention" in str(error).lower() else _config_fix(error)
        raise ModelError(f"{folder}: cannot be loaded: {_reason(error)}", fix=fix) from None
    missing = sorted(str(key) for key in report.get("missing_keys", ()))
    changed = sorted(str(key) for key in report.get("mismatched_keys", ()))
    if missing or changed:  # transformers would fill these with random numbers
        some = ", ".join([*missing, *changed][:3])
        raise ModelError(
            f"{folder}: {len(missing)} weights are missing and {len(changed)} have another shape than "
            f"config.json says, for example {some} (tensors in the files: {sum(len(h.shapes) for h in headers)})",
            fix="config.json and the weights are of different models, or the model has no language head",
        )
    return model


@contextmanager
def _bar_only_if_long(headers: list[Header]) -> Iterator[None]:
    """Transformers draws a bar for loading; that of a model which loads in a moment is noise."""
    from transformers.utils import logging

    hide = logging.is_progress_bar_enabled() and sum(header.parameters for header in headers) < LONG_TO_LOAD
    if hide:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()


def _check_vocabulary(folder: Path, model: Any, tokenizer: Any) -> None:
    embeddings = model.get_input_embeddings().weight.shape[0]
    tokens = len(tokenizer)
    if tokens > embeddings:
        raise ModelError(
            f"{folder}: the tokenizer has {tokens} tokens but the model only {embeddings} embeddings",
            fix="the tokenizer is another model's, or tokens were added to it; take the one the model came with",
        )


def _describe_source(source: Source, folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    commit = folder.name if source.kind == "huggingface" and folder.parent.name == "snapshots" else None
    return {
        "kind": source.kind,
        "name": source.name if source.kind != "embedded" else "finetrie/tiny",
        "revision": source.revision,
        "commit": commit,
        "folder": str(folder),
        "dtype": dtype_name(dtype),
    }


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def stop_ids(base: str, *, revision: str | None = None) -> frozenset[int]:
    """The model's own end tokens, from `generation_config.json` or else `config.json`; read without the weights."""
    folder = local_folder(parse_source(base, revision=revision), weights=False)
    for name in ("generation_config.json", "config.json"):
        try:
            found = json.loads((folder / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError):
            continue
        if found is not None:
            return frozenset(found if isinstance(found, list) else [found])
    return frozenset()
