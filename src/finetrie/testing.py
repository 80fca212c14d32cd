"""The laws of tasks and baselines, for the authors of plug-ins to call in their own tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from finetrie.baselines.base import Asker, Baseline, Fitted
from finetrie.records import Example, Message, Outcome, Prediction, Unparsed
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


def check_baseline(
    baseline: Baseline,
    train: Sequence[Example],
    test: Sequence[Example],
    *,
    task: Task[Any],
    dev: Sequence[Example] = (),
    asker: Callable[[], Asker] | None = None,
) -> None:
    """Assert what comparisons on the same rows rely on, for one baseline, a task it can do, and labelled rows.

    1. One prediction per row, in order; none for no rows.
    2. An answer depends on its row alone: not on the rows beside it, and never on the row's own target.
    3. The same rows and seed give the same answers.
    4. A label is one that the row offers. Probabilities, where there are any, are of the labels that the row offers,
       sum to 1, and the one of the answer stands beside it.
    5. Entities lie in their text, in order.
    6. `facts` are JSON.

    Raises:
        AssertionError: a law is broken; the message shows for which row.
    """
    assert task.name in baseline.kinds, f"{baseline.name} does not do {task.name}"
    fitted = baseline.fit(train, dev=dev, task=task, seed=3, asker=asker)
    assert list(fitted.predict([])) == [], "no rows have no predictions"
    told = _told(fitted, test)
    assert [said.id for said in told] == [row.id for row in test], "one prediction per row, in order"
    alone = _told(fitted, [replace(row, target=None) for row in reversed(test)])[::-1]
    halves = [*_told(fitted, test[: len(test) // 2]), *_told(fitted, test[len(test) // 2 :])]
    again = _told(baseline.fit(train, dev=dev, task=task, seed=3, asker=asker), test)
    for row, said, *others in zip(test, told, alone, halves, again, strict=True):
        for other in others:
            assert other.answer == said.answer, f"{row.origin}: answered {said.answer!r}, then {other.answer!r}"
        _check_answer(row, said, task)
    assert json.loads(json.dumps(dict(fitted.facts))) is not None


def _told(fitted: Fitted, rows: Sequence[Example]) -> list[Prediction]:
    return list(fitted.predict(rows))


def _check_answer(row: Example, said: Prediction, task: Task[Any]) -> None:
    if said.answer is None:
        assert said.outcome is not None, f"{row.origin}: no answer, and no outcome that says why"
        return
    if task.name == "ner":
        spans = said.answer
        assert list(spans) == sorted(spans), f"{row.origin}: entities out of order: {spans}"
        assert all(0 <= s.start < s.end <= len(row.text) for s in spans), f"{row.origin}: outside the text: {spans}"
    if task.name != "classification" or said.outcome is Outcome.OUT_OF_LABEL_SET:
        return
    labels = row.options or task.labels
    assert said.answer in labels, f"{row.origin}: answered {said.answer!r}, which the row does not offer"
    if said.probabilities:
        assert set(said.probabilities) <= set(labels), f"{row.origin}: probabilities of labels that are not offered"
        assert abs(sum(said.probabilities.values()) - 1) < 1e-3, f"{row.origin}: probabilities do not sum to 1"
        assert said.probability == said.probabilities.get(said.answer), f"{row.origin}: another probability beside it"
