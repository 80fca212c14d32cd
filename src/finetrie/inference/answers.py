"""Ask an engine about rows and read what it says: prompts in, predictions out, none missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from finetrie.inference.engine import Completion, Decoding, Engine, LabelScores
from finetrie.prompts.renderer import Renderer
from finetrie.records import Example, Outcome, Prediction, Prompt, Rejection, Unparsed
from finetrie.tasks.base import Task
from finetrie.tasks.locate import locate


def answer(
    engine: Engine,
    renderer: Renderer,
    examples: Sequence[Example],
    *,
    decoding: Decoding,
    decodings: Sequence[Decoding],
    max_new_tokens: int,
) -> Iterator[Prediction]:
    """One prediction per example, in order.

    A row whose question does not fit the token budget is a failed prediction that says so.

    Args:
        decoding: which decoding of a classification is the answer.
        decodings: which decodings to compute and keep beside it.
        max_new_tokens: longest answer of a task that generates.
    """
    task = renderer.task
    asked: list[tuple[Example, Prompt]] = []
    refused: dict[int, Rejection] = {}
    for index, rendered in enumerate(renderer.render_many(examples, labelled=False)):
        if isinstance(rendered, Rejection):
            refused[index] = rendered
        else:
            asked.append((examples[index], rendered))
    prompts = [prompt for _, prompt in asked]
    if task.name == "classification":
        labels = [example.options or task.labels for example, _ in asked]
        scored = engine.score(prompts, labels, decodings=decodings)
        said = (_classified(task, e, s, decoding) for (e, _), s in zip(asked, scored, strict=True))
    else:
        generated = engine.generate(prompts, max_new_tokens=max_new_tokens)
        read = _extracted if task.name == "ner" else _answered
        said = (read(task, e, p, c) for (e, p), c in zip(asked, generated, strict=True))
    for index, example in enumerate(examples):
        if index in refused:
            yield _failed(example, refused[index].reason)
        else:
            yield next(said)


def _failed(example: Example, reason: str) -> Prediction:
    return Prediction(example.id, "", None, Outcome.FAILED, details={"error": reason})


def _classified(task: Task[Any], example: Example, scores: LabelScores, decoding: Decoding) -> Prediction:
    if scores.error is not None:
        return _failed(example, scores.error)
    words = {name: getattr(scores, name) for name in ("free", "constrained", "argmax")}
    completion = words[decoding] or ""
    answer, outcome = _read(task, example, completion) if decoding == "free" else (completion, None)
    if words["free"] is not None:
        words["free"] = _read(task, example, words["free"])[0] or ""
    return Prediction(
        id=example.id,
        completion=completion,
        answer=answer,
        outcome=outcome,
        probability=scores.probabilities.get(answer) if answer is not None else None,
        probabilities=scores.probabilities or None,
        seconds=scores.seconds,
        details={"decodings": {name: word for name, word in words.items() if word is not None}},
    )


def _read(task: Task[Any], example: Example, said: str) -> tuple[str | None, Outcome | None]:
    """A free answer as a label, or as the words that are none; and why it cannot be right, if so."""
    read = task.parse(said)
    if not isinstance(read, Unparsed):  # a label of the task, though perhaps not one that this row offered
        return read, None if read in (example.options or task.labels) else Outcome.OUT_OF_LABEL_SET
    if read.reason == "out_of_label_set":
        return said.strip(), Outcome.OUT_OF_LABEL_SET
    return None, Outcome.UNPARSABLE


def _extracted(task: Task[Any], example: Example, prompt: Prompt, completion: Completion) -> Prediction:
    """Mentions, placed in the part of the text that the model saw."""
    if completion.error is not None:
        return _failed(example, completion.error)
    read = task.parse(completion.text)
    details: dict[str, Any] = {"finished": completion.finished}
    if isinstance(read, Unparsed):
        return Prediction(
            example.id,
            completion.text,
            None,
            Outcome.UNPARSABLE,
            seconds=completion.seconds,
            details={**details, "reason": read.reason},
        )
    spans, tiers = locate(example.text, read, within=prompt.shortening.kept if prompt.shortening else None)
    details["alignment"] = dict(Counter(tiers))
    hallucinated = [(m.surface, m.label) for m, tier in zip(read, tiers, strict=True) if tier == "none"]
    if hallucinated:
        details["hallucinated"] = hallucinated
    return Prediction(example.id, completion.text, spans, seconds=completion.seconds, details=details)


def _answered(task: Task[Any], example: Example, prompt: Prompt, completion: Completion) -> Prediction:
    if completion.error is not None:
        return _failed(example, completion.error)
    read = task.parse(completion.text)
    unread = isinstance(read, Unparsed)
    return Prediction(
        example.id,
        completion.text,
        None if unread else read,
        Outcome.UNPARSABLE if unread else None,
        seconds=completion.seconds,
        details={"finished": completion.finished},
    )
