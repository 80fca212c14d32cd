"""Named wordings: how a question becomes messages.

A wording puts what all rows share first (instruction, label list) and the text last where it can, so that
rows of one task share a long prefix. A plug-in adds one with `@WORDINGS.register("mine")` or an entry point in
the group `finetrie.wordings`. A changed wording is a changed product: golden files hold the bytes of the built-in ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from finetrie.records import Message
from finetrie.registry import Registry

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a wording has to say."""

    kind: str  # name of the task
    text: str  # must appear unchanged, exactly once
    options: tuple[str, ...] = ()  # the words to choose from, as the model sees them
    instruction: str | None = None  # replaces the wording's own
    language: Language = "zh"


Wording: TypeAlias = Callable[[Question], list[Message]]

WORDINGS: Registry[Wording] = Registry("wordings")

WRITTEN_IN: dict[str, Language] = {"fudan_news": "zh", "ccf_ner": "zh"}
"""Wordings of one language only; the others speak the language of the task."""

NOTHING_FOUND: dict[Language, str] = {"zh": "没有找到任何实体", "en": "No entities found"}
"""What a model answers when a text holds no entity."""

_INSTRUCTIONS: dict[tuple[str, Language], str] = {
    ("classification", "zh"): "判断文本属于哪一类，只回答类别名称。",
    ("classification", "en"): "Decide which label fits the text. Answer with the label only.",
    ("ner", "zh"): (
        "按出现顺序找出文本中的所有实体，每行输出一个 JSON："
        '{"entity_text": "实体", "entity_label": "类型"}。'
        f"没有实体时回答：{NOTHING_FOUND['zh']}"
    ),
    ("ner", "en"): (
        "List all entities of the text in order of appearance, one JSON object a line: "
        '{"entity_text": "words", "entity_label": "type"}. '
        f"If there are none, answer: {NOTHING_FOUND['en']}"
    ),
}

_LISTS: dict[tuple[str, Language], str] = {
    ("classification", "zh"): "类别：",
    ("classification", "en"): "Labels:",
    ("ner", "zh"): "类型：",
    ("ner", "en"): "Types:",
}


@WORDINGS.register("default")
def default(question: Question) -> list[Message]:
    """Short, in the data's language: instruction and labels as the system message, the text alone as the user's.

    Labels stand one a line, because they may hold commas and spaces but not line breaks. A free-answer
    question is one user message: the instruction, then the text on the next line.
    """
    key = (question.kind, question.language)
    instruction = question.instruction if question.instruction is not None else _INSTRUCTIONS.get(key, "")
    if key not in _LISTS:
        return [_user("\n".join(part for part in (instruction, question.text) if part))]
    listed = [_LISTS[key], *question.options] if question.options else []
    return [_system("\n".join([instruction, *listed])), _user(question.text)]


@WORDINGS.register("fudan_news")
def fudan_news(question: Question) -> list[Message]:
    """The wording of the Fudan news experiments: candidate classes after the text, divided by a comma and a space."""
    instruction = "你是一个文本分类领域的专家，你会接收到一段文本和几个潜在的分类选项，请输出文本内容的正确类型"
    return [
        _system(question.instruction if question.instruction is not None else instruction),
        _user(f"文本:{question.text},类型选型:{', '.join(question.options)}"),
    ]


@WORDINGS.register("ccf_ner")
def ccf_ner(question: Question) -> list[Message]:
    """The wording of the CCF BDCI experiments; its four types keep their order there, others are listed as given."""
    seed = ("地点", "人名", "地理实体", "组织")
    options = seed if set(question.options) == set(seed) else question.options
    instruction = (
        f"你是一个文本实体识别领域的专家，你需要从给定的句子中提取 {'; '.join(options)} 实体. "
        '以 json 格式输出, 如 {"entity_text": "南京", "entity_label": "地理实体"} '
        "注意: 1. 输出的每一行都必须是正确的 json 字符串. "
        f'2. 找不到任何实体时, 输出"{NOTHING_FOUND["zh"]}". '
    )
    return [_system(question.instruction if question.instruction is not None else instruction), _user(question.text)]


def _system(content: str) -> Message:
    return {"role": "system", "content": content}


def _user(content: str) -> Message:
    return {"role": "user", "content": content}
