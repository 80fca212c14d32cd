"""The vocabulary of `finetrie/tiny`: byte-level BPE over words and characters, with ChatML markers.

It is trained on fragments, not on running text, so that a name never melts into the word before it.
"""

# ruff: noqa: E501, SIM905 - word lists read best as words

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tiny_text
import tiny_words
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from finetrie.data.sample import names
from finetrie.data.sample.generator import CHINESE, ENGLISH
from finetrie.data.sample.grammar import LABELS, SLOT

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY = 8192

FRAME = ('{"entity_text": "', '", "entity_label": "')
"""The frame of an extracted entity: a token each, so that an answer is little more than its names."""

# How Qwen2 divides text before merging: transformers loads every tokenizer of a Qwen2 model with this pattern.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

COMMON_ENGLISH = """
the of and to in is was for that with on as by at from it be are this an or not have has had were which their its
will would can could one all there been if more when who what so no out up into than them then some only over new
also after two how our well way even because any these give day most us person place name organisation company
question answer text class label sentence list word please output following classify options entities found none
user assistant system news sports finance technology education health travel car house farm positive negative
""".split()
WORDINGS = """
请 文本 类别 标签 实体 抽取 输出 格式 回答 没有 没有找到任何实体 任何 找到 下面 的 判断 属于 哪一类 只 名称 选项 分类 内容 正确
类型 人名 地名 地点 机构 组织 地理实体 国家 城市 是 否 一个 每行 顺序 原文 按 出现 对象 给定 句子 专家 领域 接收到 一段 几个 潜在
新闻 标题 摘要 问题 指令 输入 下列 其中 不要 解释 候选 主题 简讯 人物 公司 学校 中国 社会 经济 政治 文化 历史 艺术 环境 交通 军事 法律
体育 财经 科技 教育 健康 娱乐 旅游 汽车 房产 农业
""".split()


def fragments() -> Iterator[str]:
    """What the merges are counted on: each item is a unit that may become a token, or a literal piece of a plan."""
    for character in tiny_text.HANZI:
        yield from [character] * 12
    for character in names.GIVEN_FIRST + names.GIVEN_SECOND + names.GIVEN_SINGLE + "".join(names.SURNAMES):
        yield from [character] * 50
    whole: list[str] = tiny_words.LABEL_WORDS * 4 + list(WORDINGS) * 3 + list(LABELS) * 20
    whole += (
        names.PROVINCES + names.CITIES + names.COUNTIES + names.COUNTRIES + names.NATURE + names.STREET + names.MASCOTS
    )
    for patterns in names.ORGANISATIONS.values():
        for pattern in patterns:
            whole += [piece for piece in SLOT.sub(" ", pattern).split() if piece]
    for language in (CHINESE,):
        for topic in language.topics.values():
            whole += [word for words in topic.words.values() for word in words]
    for zh_name, _, words, _ in tiny_words.KINDS.values():
        whole += [zh_name, *words]
    for zh_name, _, endings in tiny_words.MADE_UP.values():
        whole += [zh_name, *endings]
    for word in whole:
        yield from [word] * 6
    for english in english_words():
        yield from [" " + english] * 6
        if english[0].isupper():
            yield from [english] * 6
    for english in COMMON_ENGLISH[-24:]:
        yield from [english] * 20
    for mark in ('"}', '"}\n', "\n\n", "\n", "。\n", "：\n", "。", "，", "：", "、", "　", "【", "】", "“", "”"):
        yield from [mark] * 60
    for plan in plans():
        yield from SLOT.split(plan)[::3] * 3


def english_words() -> list[str]:
    words = list(COMMON_ENGLISH) + names.FIRST_NAMES + names.LAST_NAMES + names.ENGLISH_CITIES + names.ENGLISH_ROOTS
    words += names.ENGLISH_PLACES[0] + names.ENGLISH_PLACES[1] + names.ENGLISH_STREETS
    words += ["PER", "ORG", "LOC", "GPE"] * 10
    for patterns in names.ENGLISH_ORGANISATIONS.values():
        words += [word for pattern in patterns for word in pattern.replace("{R}", "").split()]
    for topic in ENGLISH.topics.values():
        words += [word for phrases in topic.words.values() for phrase in phrases for word in phrase.split()]
    for plan in [plan for topic in ENGLISH.topics.values() for plan in topic.sentences] + list(ENGLISH.neutral):
        words += [word.strip(".,;:") for word in SLOT.sub(" ", plan).split()]
    for _, name, _, english in tiny_words.KINDS.values():
        words += [name, *english]
    words += [name for _, name, _ in tiny_words.MADE_UP.values()]
    return [word for word in words if word.isascii() and word]


def plans() -> Iterator[str]:
    for topic in CHINESE.topics.values():
        yield from topic.headlines
        yield from topic.sentences
    for shared in CHINESE.bridges.values():
        yield from shared
    yield from [*CHINESE.neutral, *tiny_words.SENTENCES_ZH, *tiny_words.PLAIN_ZH]
    yield from [*tiny_text.EXTRACT_ZH, *tiny_text.CHOOSE_ZH]


def train() -> Any:
    """The trained tokenizer as transformers uses it."""
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(FRAME),
        min_frequency=6,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(fragments(), trainer)
    raw.add_tokens([AddedToken(piece, normalized=False) for piece in FRAME])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def save(folder: Path, tokenizer: Any) -> None:
    """Write the tokenizer's files under the class name that goes with Qwen2 models."""
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings = {key: value for key, value in settings.items() if key != "backend"} | {
        "tokenizer_class": "Qwen2Tokenizer"
    }
    file.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
