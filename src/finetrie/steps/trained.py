"""A trained run at work for other data: as the classifier of a policy, or as the model that finds names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from finetrie.data.policy import CLASSIFIER, AskedClassifier, Classifier
from finetrie.data.privacy.entities import AskMany
from finetrie.data.privacy.finding import ENTITY_KINDS
from finetrie.errors import ConfigError, ModelError, suggest
from finetrie.files import read_json
from finetrie.records import Span
from finetrie.steps.workspace import BESIDE, named_run


def classifier_from(asked: AskedClassifier) -> Classifier:
    """The classifier that a word-list file asks for; its model is loaded with the first text.

    Raises:
        CheckpointError: there is no such run, or it is not trained.
        ConfigError: it is no classification, or has no label of that name; an action it cannot take.
    """
    from finetrie.steps.predicting import answering, trained  # which in turn cleans as `[prepare]` says

    workspace = trained(asked.run)
    where = f"{asked.file}: [{CLASSIFIER}]"
    if workspace.run.task.kind != "classification":
        raise ConfigError(
            f"{where} run {asked.run}: its task is {workspace.run.task.kind}, which gives a text no label",
            fix="name a run whose task.kind is classification",
        )
    ask = cache(lambda: answering(asked.run))  # one model for all texts
    labels = read_json(workspace.files.prompt)["task"]["labels"]
    if unknown := [label for label in asked.actions if label not in labels]:
        raise ConfigError(
            f"{where} actions: {asked.run} has no label {unknown[0]!r}{suggest(unknown[0], labels)}",
            fix=f"choose from {', '.join(labels)}",
        )

    def classify(texts: Sequence[str]) -> list[tuple[str, float]]:
        answers = ask()(texts)
        for answer in answers:
            if answer["prediction"] is None:
                raise ModelError(
                    f"{where} {asked.run} cannot answer a text: {answer.get('prediction_error')}",
                    fix="take the classifier out of the file, or filter such texts before it",
                )
        return [(answer["prediction"], answer["probability"]) for answer in answers]

    return Classifier(classify, asked.actions, asked.threshold)


def entities_from(directory: Path | str) -> AskMany:
    """What a run for entities finds in texts; its model is loaded with the first one.

    Every occurrence of the words of an entity is one: a name that a text repeats is personal each time.

    Raises:
        CheckpointError: there is no such run, or it is not trained.
        ConfigError: it finds no entities, or none that are personal.
    """
    from finetrie.steps.predicting import answering, trained

    named_run(directory, "prepare.entity_model", BESIDE)
    workspace = trained(directory)
    if workspace.run.task.kind != "ner":
        raise ConfigError(
            f"prepare.entity_model: the task of {directory} is {workspace.run.task.kind}, which finds no entities",
            fix="name a run whose task.kind is ner",
        )
    labels = read_json(workspace.files.prompt)["task"]["labels"]
    if not any(label.casefold() in ENTITY_KINDS for label in labels):
        raise ConfigError(
            f"prepare.entity_model: {directory} finds {', '.join(labels)}, none of which is personal",
            fix=f"name a run with one of the labels {', '.join(ENTITY_KINDS)}",
        )
    ask = cache(lambda: answering(directory))  # one model for all texts

    def find(texts: Sequence[str]) -> list[list[Span]]:
        return [_everywhere(text, answer["prediction"]) for text, answer in zip(texts, ask()(texts), strict=True)]

    return find


def _everywhere(text: str, found: Sequence[Mapping[str, Any]] | None) -> list[Span]:
    words = {(entity["text"], entity["label"]) for entity in found or ()}
    return [
        Span(match.start(), match.end(), label)
        for surface, label in sorted(words)
        for match in re.finditer(re.escape(surface), text)
        if surface
    ]
