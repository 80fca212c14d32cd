"""Free answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finetrie.records import Example, Message, Unparsed
from finetrie.tasks.instruction import Instruction

TASK = Instruction()


@given(st.text())
def test_what_an_example_says_is_what_is_read(text: str) -> None:
    target = TASK.target(Example("1", "q", text, "f:1"))
    assert TASK.parse(TASK.answer(target)) == (target or Unparsed("", "empty"))


def test_an_instruction_stands_before_its_input() -> None:
    assert TASK.messages("猫", instruction="翻译：") == [{"role": "user", "content": "翻译：\n猫"}]
    assert TASK.messages("你好") == [{"role": "user", "content": "你好"}]
    assert TASK.messages("", instruction="写诗") == [{"role": "user", "content": "写诗"}]


def test_earlier_turns_come_first() -> None:
    history: list[Message] = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
    assert TASK.messages("2+2?", history=history) == [*history, {"role": "user", "content": "2+2?"}]
