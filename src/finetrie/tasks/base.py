"""The protocol of a task, and tasks by name.

A task is a frozen value: labels, names, language and wording. `describe()` writes it down in the run
directory, `task_from` reads it back, and both training and serving ask with the same `messages`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, Protocol, TypeVar, get_args

from finetrie.errors import ConfigError, suggest
from finetrie.records import Example, Message, Unparsed
from finetrie.registry import Registry

Y = TypeVar("Y")

Reason = Literal["empty", "out_of_label_set", "not_json", "wrong_shape"]
"""Why a completion is no answer; the only values that `Unparsed.reason` takes.

`empty`             nothing but white space
`out_of_label_set`  classification: words that are not one of the labels. It counts as an answer, a wrong one
`not_json`          ner: a line that is not JSON, for example because generation stopped in the middle of it
`wrong_shape`       ner: JSON, but not objects with the texts `entity_text` and `entity_label`
"""

REASONS: tuple[Reason, ...] = get_args(Reason)

Ranges = Sequence[tuple[int, int]]
"""Half-open code-point ranges of a text, in order: what the token budget kept of it."""


class Task(Protocol[Y]):
    """How to ask and how to read the answer. `Y` is the type of one answer.

    Laws, checked by `finetrie.testing.check_task`: `parse(answer(y)) == y`; `parse` never raises;
    `messages` ends with the user's turn and holds the text unchanged, exactly once; nothing but the
    text's own place depends on the text; `task_from(describe()) == self`.
    """

    @property
    def name(self) -> str:
        """The name under which the task is registered."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The frozen label set; () for a task without one."""

    @property
    def closed(self) -> bool:
        """Whether every answer is one of the labels, so that labels can be scored instead of generated."""

    def messages(
        self,
        text: str,
        *,
        options: Sequence[str] | None = None,
        instruction: str | None = None,
        history: Sequence[Message] = (),
    ) -> list[Message]:
        """The conversation that asks about `text`.

        `options` are the row's own candidate labels instead of `labels`, `instruction` its own
        instruction instead of the task's, `history` the turns before this question.
        """

    def target(self, example: Example) -> Y:
        """What a perfect model would answer; the example must be labelled."""

    def clip(self, example: Example, kept: Ranges) -> Y:
        """What a perfect model would answer if it saw only the `kept` ranges of the text."""

    def answer(self, target: Y) -> str:
        """The completion that says `target`: the tokens that carry the loss."""

    def parse(self, completion: str) -> Y | Unparsed:
        """Read a completion, strictly. What is no answer comes back as `Unparsed` with a `Reason`."""

    def describe(self) -> dict[str, Any]:
        """The task as JSON values, `kind` included; `task_from` turns it back into an equal task."""


TASKS: Registry[Callable[..., Task[Any]]] = Registry(
    "tasks",
    builtin=("finetrie.tasks.classification", "finetrie.tasks.ner", "finetrie.tasks.instruction"),
)
"""Task classes by name. A class is called with the entries of its description as keyword arguments."""


def task_from(description: Mapping[str, Any]) -> Task[Any]:
    """Build the task that `describe()` wrote down, or that a run file's settings ask for.

    `kind` names the task; the other keys are the settings of that task, all optional but labels.

    Raises:
        ConfigError: no kind, a setting this task does not have, or settings that contradict each other.
        UnknownName: no task or wording of that name.
    """
    settings = dict(description)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str):
        raise ConfigError(
            f"task.kind: expected the name of a task (available: {', '.join(TASKS.names())}), got {kind!r}"
        )
    make = TASKS.get(kind)
    known = [field.name for field in fields(make) if field.init] if isinstance(make, type) else list(settings)
    for key in settings:
        if key not in known:
            raise ConfigError(
                f"task.{key}: {kind} has no such setting{suggest(key, known)} (known: {', '.join(known)})"
            )
    return make(**settings)


def labelled(example: Example) -> Any:
    """The example's target; asking for the target of an unlabelled row is a bug of the caller."""
    if example.target is None:
        raise ValueError(f"{example.origin}: the row has no target")
    return example.target
