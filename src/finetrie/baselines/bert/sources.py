"""An encoder and its tokenizer: of the user's choice, or a small one for the characters of the training rows."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrie.errors import ModelError
from finetrie.models.sources import EMBEDDED, has_tokenizer, local_folder, parse_source
from finetrie.models.weights import weight_files

SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 512,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.08,
}
"""The shape of the small encoder, which begins with random weights."""

CHARACTERS = 6000
"""Characters that the small encoder knows, at most; the others are all the same to it."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@dataclass(frozen=True)
class Encoder:
    """A model with a new head, and what turns texts into its tokens."""

    model: Any
    tokenizer: Any  # with offsets
    longest: int  # most tokens the model reads, its own marks included
    fresh: bool  # all of its weights are new, not only the head
    told: str  # for the facts: where it came from


def load_encoder(base: str, *, classes: int, tokens: bool) -> Encoder:
    """A pretrained encoder with a new head: one score per class for each text, or (`tokens`) for each token.

    Raises:
        ModelError: not found, no encoder, not safetensors, needs code of its own, or a tokenizer without offsets.
    """
    from transformers import AutoConfig, AutoTokenizer

    folder = _folder(base)
    _check_files(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, num_labels=classes)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # transformers, tokenizers and sentencepiece each raise their own kinds
        raise _unusable(folder, error) from None
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: its tokenizer does not say where tokens stand in the text",
            fix="choose an encoder with a tokenizer.json",
        )
    # One label a text, whatever the model was used for before.
    config.problem_type = None if tokens else "single_label_classification"
    try:
        with _quietly():
            model = _head(tokens).from_pretrained(folder, config=config, **_SAFELY)
    except Exception as error:  # a kind of model without such a head, or weights of another shape
        raise _unusable(folder, error) from None
    positions = getattr(config, "max_position_embeddings", 512)
    padding = getattr(config, "pad_token_id", None)
    # The RoBERTa family counts positions from behind the padding token.
    taken = padding + 1 if config.model_type in ("roberta", "xlm-roberta", "camembert") and padding is not None else 0
    return Encoder(model, tokenizer, positions - taken, fresh=False, told=base)


def small_encoder(texts: Sequence[str], *, classes: int, tokens: bool) -> Encoder:
    """A small BERT over the characters of these texts, with weights from torch's random generator."""
    from transformers import BertConfig

    tokenizer = character_tokenizer(texts)
    config = BertConfig(**SMALL, vocab_size=len(tokenizer), num_labels=classes, pad_token_id=tokenizer.pad_token_id)
    model = _head(tokens).from_config(config)
    told = f"{SMALL['num_hidden_layers']} layers of width {SMALL['hidden_size']}, trained from nothing"
    return Encoder(model, tokenizer, int(SMALL["max_position_embeddings"]), fresh=True, told=told)


def character_tokenizer(texts: Sequence[str]) -> Any:
    """One token a character, the most frequent ones by themselves; width and case are made equal."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    normal = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    counts = Counter(character for text in texts for character in normal.normalize_str(text))
    known = sorted(counts, key=lambda character: (-counts[character], character))[:CHARACTERS]
    words = {word: i for i, word in enumerate((*SPECIAL, *known))}
    raw = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    raw.normalizer = normal
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words["[CLS]"]), ("[SEP]", words["[SEP]"])]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=raw, **names)


_SAFELY: dict[str, Any] = {"use_safetensors": True, "trust_remote_code": False, "dtype": "float32"}


def _head(tokens: bool) -> Any:
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    return AutoModelForTokenClassification if tokens else AutoModelForSequenceClassification


def _folder(base: str) -> Path:
    if base == EMBEDDED:
        raise ModelError(
            f"encoder.model = {base!r} writes texts; it is no encoder", fix="leave out model for a small one"
        )
    try:
        return local_folder(parse_source(base))
    except ModelError as error:
        raise ModelError(str(error).replace("model.base", "encoder.model")) from None


def _check_files(folder: Path) -> None:
    """Refuse what is no encoder, or not safe to load, before transformers looks at it."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder}: no readable config.json ({error})", fix="give the folder of a model") from None
    if kind not in MASKED:
        raise ModelError(
            f"{folder}: a {kind} model is no encoder of the BERT family",
            fix="choose one such as google-bert/bert-base-chinese or hfl/chinese-macbert-base",
        )
    if not has_tokenizer(folder):
        raise ModelError(f"{folder}: no tokenizer", fix="copy the tokenizer's files from where the model came from")
    weight_files(folder)


def _unusable(folder: Path, error: Exception) -> ModelError:
    lines = str(error).strip().splitlines()
    return ModelError(
        f"{folder}: cannot be used as an encoder: {lines[0][:300] if lines else type(error).__name__}",
        fix="choose another encoder of the BERT family, with safetensors weights",
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Transformers reports a head with new weights as a problem, and draws a bar; here the head is always new."""
    from transformers.utils import logging as transformers_logging

    logger = logging.getLogger("transformers.modeling_utils")
    level, bar = logger.level, transformers_logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bar:
            transformers_logging.enable_progress_bar()
