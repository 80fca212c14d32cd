"""A trained run as the classifier of a policy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from finetrie.data.policy import CLASSIFIER, AskedClassifier, Classifier
from finetrie.errors import ConfigError, ModelError, suggest
from finetrie.files import read_json


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
