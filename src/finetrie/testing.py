"""The laws of a task, for the authors of plug-ins to call in their own tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from finetrie.records import Message, Unparsed
from finetrie.tasks.base import REASONS, Task, task_from

Y = TypeVar("Y")

NOISE = (
    "",
    " ",
    "\x00",
    "\ud800",
    "none of these",
    "不是标签",
    "[" * 5000,
    '{"a": 1}',
    "[1, null]",
    "<|im_end|>",
    "\u2028",
)
"""Completions that models have been seen to give, or might."""

TEXT = "Text 〈that no task〉 writes by itself."


def check_task(task: Task[Y], targets: Iterable[Y]) -> None:
    """Assert what training, serving and evaluation rely on; `targets` are valid answers, at least one of each kind.

    1. `parse(answer(y)) == y`, also with white space around the answer, as models write it.
    2. `parse` never raises, and gives its reasons in the words of `REASONS`.
    3. `messages` ends with the user's turn and holds the text unchanged, exactly once; earlier turns come first.
    4. Nothing else in `messages` depends on the text.
    5. `describe()` is JSON, and `task_from` turns it into an equal task. It needs the task to be registered.
    6. A closed task answers with its labels.

    Raises:
        AssertionError: a law is broken; the message shows for which value.
    """
    for target in targets:
        answer = task.answer(target)
        for completion in (answer, f"\n{answer}", f" {answer} \n"):
            again = task.parse(completion)
            assert again == target, f"parse(answer(y)) gave {again!r} for y = {target!r}, completion = {completion!r}"
        assert not task.closed or target in task.labels, f"a closed task answers with its labels, not with {target!r}"
    for completion in NOISE:
        read = task.parse(completion)
        if isinstance(read, Unparsed):
            assert read.completion == completion, f"Unparsed lost the completion {completion!r}"
            assert read.reason in REASONS, f"reason {read.reason!r} is not one of {REASONS}"
    _check_messages(task)
    description = json.loads(json.dumps(task.describe()))
    assert task_from(description) == task, f"task_from(describe()) gave another task: {description}"


def _check_messages(task: Task[Any]) -> None:
    history: list[Message] = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."}]
    messages = task.messages(TEXT)
    assert messages[-1]["role"] == "user", f"a conversation ends with the user, not with {messages[-1]['role']!r}"
    assert messages[-1]["content"].count(TEXT) == 1, "the last message holds the text once, unchanged"
    assert all(TEXT not in message["content"] for message in messages[:-1]), "only the last message holds the text"
    other = task.messages("Other")
    written = [message["content"].replace(TEXT, "Other") for message in messages]
    assert written == [message["content"] for message in other], "nothing but the text's place depends on the text"
    assert [*history, *messages] == task.messages(TEXT, history=history), "earlier turns come first, unchanged"
    asked = task.messages(TEXT, instruction="Do as 〈I〉 say.")
    assert any("Do as 〈I〉 say." in message["content"] for message in asked), "a row's own instruction is used"
