"""Named wordings."""

from __future__ import annotations

import pytest

from finetrie.records import Message
from finetrie.tasks import WORDINGS, Question, task_from


def test_the_fudan_wording_is_the_published_one() -> None:
    task = task_from({"kind": "classification", "labels": ["Politics", "Sports"], "wording": "fudan_news"})
    assert task.messages("正文") == [
        {
            "role": "system",
            "content": "你是一个文本分类领域的专家，你会接收到一段文本和几个潜在的分类选项，请输出文本内容的正确类型",
        },
        {"role": "user", "content": "文本:正文,类型选型:Politics, Sports"},
    ]


@pytest.mark.parametrize("labels", [["GPE", "PER", "ORG", "LOC"], ["LOC", "PER", "GPE", "ORG"]])
def test_the_ccf_wording_is_the_published_one_whatever_the_order_of_labels(labels: list[str]) -> None:
    task = task_from({"kind": "ner", "labels": labels, "wording": "ccf_ner"})
    assert task.messages("正文") == [
        {
            "role": "system",
            "content": "你是一个文本实体识别领域的专家，你需要从给定的句子中提取 地点; 人名; 地理实体; 组织 实体. "
            '以 json 格式输出, 如 {"entity_text": "南京", "entity_label": "地理实体"} '
            '注意: 1. 输出的每一行都必须是正确的 json 字符串. 2. 找不到任何实体时, 输出"没有找到任何实体". ',
        },
        {"role": "user", "content": "正文"},
    ]


def test_a_chinese_wording_is_answered_in_chinese_whatever_the_language_of_the_data() -> None:
    task = task_from({"kind": "ner", "labels": ["PER"], "wording": "ccf_ner", "language": "en"})
    assert "提取 人名 实体" in task.messages("x")[0]["content"]
    assert task.answer(()) == "没有找到任何实体"


def test_a_plug_in_can_add_a_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    def shout(question: Question) -> list[Message]:
        return [{"role": "user", "content": f"{question.instruction or 'WHICH?'} {question.text}"}]

    monkeypatch.setitem(WORDINGS._items, "shout", shout)
    task = task_from({"kind": "classification", "labels": ["a"], "wording": "shout"})
    assert task.messages("x") == [{"role": "user", "content": "WHICH? x"}]
