"""Small tokenizers with the habits of well-known families: chat templates in short, bytes or marked spaces."""

from __future__ import annotations

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"
    "{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + (system if loop.first else '') + m['content'].strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3 = (
    "{{ bos_token }}{% if date_string is not defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "<|start|>system<|end|>\n\nToday: {{ date_string }}<|eot|>"
    "{% for m in messages %}<|start|>{{ m['role'] }}<|end|>\n\n{{ m['content'] | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|start|>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] | trim }}<|eot|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>model\n{% endif %}"
)
GLM4 = (
    "[gMASK]<sop>{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
QWEN3 = (
    "{% for m in messages %}<|start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{{ m['content'].lstrip('\n') }}"
    "{% else %}{{ m['content'] }}{% endif %}<|eot|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
ALWAYS_THINKING = QWEN3.replace(
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n", "{% if true %}<think>\n"
)

SPECIAL = {
    "chatml": ["<|start|>", "<|eot|>"],
    "llama2": ["<s>", "</s>"],
    "llama3": ["<s>", "<|start|>", "<|end|>", "<|eot|>"],
    "gemma": ["<s>", "<|start|>", "<|eot|>"],
    "glm4": ["[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"],
    "qwen3": ["<|start|>", "<|eot|>"],
    "always_thinking": ["<|start|>", "<|eot|>"],
}
TEMPLATES = {
    "chatml": "{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] }}<|eot|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}",
    "llama2": LLAMA2,
    "llama3": LLAMA3,
    "gemma": GEMMA,
    "glm4": GLM4,
    "qwen3": QWEN3,
    "always_thinking": ALWAYS_THINKING,
}
FAMILIES = tuple(TEMPLATES)


def byte_level() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    return raw


CORPUS = [
    "the interesting news of the day is interesting",
    "体育 经济 政治 新闻 今天的新闻",
    "INST SYS user system",
] * 4


def marked_spaces(*, unigram: bool) -> Tokenizer:
    """In the manner of SentencePiece: `▁` for spaces, control tokens inside the model's own vocabulary."""
    if unigram:
        raw = Tokenizer(models.Unigram())
        trainer: Any = trainers.UnigramTrainer(
            vocab_size=120, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
        )
    else:
        raw = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        trainer = trainers.BpeTrainer(
            vocab_size=200, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False, min_frequency=2
        )
    raw.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    raw.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    raw.normalizer = normalizers.NFC()
    raw.train_from_iterator(CORPUS, trainer)
    return raw


def tokenizer(family: str, raw: Tokenizer | None = None) -> Any:
    """A tokenizer of one of `FAMILIES`; byte-level unless `raw` says otherwise."""
    raw = raw or byte_level()
    raw.add_special_tokens(["<eos>", *SPECIAL[family]])
    raw.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    end = "</s>" if family == "llama2" else "<eos>"
    begin = "<s>" if "<s>" in SPECIAL[family] else None
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=end, pad_token=end, bos_token=begin, chat_template=TEMPLATES[family]
    )
