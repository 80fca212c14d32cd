"""The section `[prepare]` of a run file, carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from finetrie.config import Prepare, Run
from finetrie.data.cleaning import steps_from
from finetrie.data.duplicates import Leak, Retrieval, find_leaks, retrieval
from finetrie.data.filters import filters_from
from finetrie.data.labels import count_labels
from finetrie.data.policy import Policy, read_categories, read_classifier
from finetrie.data.preparation import Plan, Prepared, decide, prepare_rows
from finetrie.data.privacy import ALL, KINDS
from finetrie.data.privacy.kinds import BY_MODEL
from finetrie.data.reading import Dataset
from finetrie.data.splits import Split
from finetrie.errors import ConfigError, DataError, suggest
from finetrie.files import read_jsonl
from finetrie.records import Example
from finetrie.steps.trained import classifier_from, entities_from


def prepared(run: Run, data: Dataset, asked: Plan, *, reduce: bool) -> Prepared:
    """The rows of one file, cleaned, judged, masked and, for training, without what is to be left out.

    Args:
        asked: `plan(run)`.

    Raises:
        DataError: the decisions cannot be read.
    """
    return prepared_rows(data.examples, asked, kind=run.task.kind, decisions=run.prepare.decisions, reduce=reduce)


def prepared_rows(
    examples: Sequence[Example], asked: Plan, *, kind: str, decisions: str | None = None, reduce: bool = True
) -> Prepared:
    """Rows in memory, prepared; `decisions` is the file of a review that a person has filled in."""
    labels = list(count_labels(examples, kind=kind))
    result = prepare_rows(examples, asked, kind=kind, labels=labels, reduce=reduce)
    if reduce and decisions is not None:
        path = Path(decisions)
        try:
            lines = [dict(line) for line in read_jsonl(path)]
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                path, None, f"cannot be read as a review: {error}", fix="edit a copy of review.jsonl"
            ) from None
        decided = decide(result.examples, lines, labels=labels)
        result.examples = decided.examples
        result.rejected += decided.rejected
        result.changes += decided.changes
        result.notices += decided.notices
        settled = {(line.get("origin"), line.get("partner")) for line in lines if line.get("decision")}
        result.conflicts = [one for one in result.conflicts if (one.row.origin, one.partner.origin) not in settled]
    return result


def plan(run: Run, *, review: bool = False, reduce: bool = True) -> Plan:
    """What `[prepare]` asks for.

    Args:
        reduce: False where no row will be left out, so that nothing has to be loaded that only serves to find such.

    Raises:
        ConfigError: an unknown step, filter, parameter or kind of personal data.
        DataError: the word lists cannot be read.
    """
    count = partial(_tokens, run.model.base, run.model.revision)
    return plan_of(run.prepare, count=count, review=review, reduce=reduce)


def plan_of(asked: Prepare, *, count: Callable[[str], int], review: bool = False, reduce: bool = True) -> Plan:
    """What a section `[prepare]` asks for; `count` says how many tokens a text is. Raises as `plan`."""
    kinds = tuple(ALL) if asked.personal_data == ["all"] else tuple(asked.personal_data)
    if unknown := [kind for kind in kinds if kind not in KINDS.names()]:
        raise ConfigError(
            f"prepare.personal_data: no such kind {unknown[0]!r}{suggest(unknown[0], KINDS.names())}",
            fix=f"choose from {', '.join(KINDS.names())}, or all",
        )
    _check_entity_model(asked)
    return Plan(
        steps=steps_from(asked.clean, where="prepare.clean"),
        policy=None if asked.policy is None else _policy(asked.policy, classify=reduce),
        filters=filters_from(asked.filters, where="prepare.filters", given={"count": count}),
        personal_data=kinds,
        style=asked.style,
        allow=tuple(asked.allow),
        entities=None if asked.entity_model is None else entities_from(asked.entity_model),
        copies=asked.copies if reduce else "keep",
        retrieval=chosen_retrieval(asked) if reduce else None,
        review=review,
    )


def _check_entity_model(asked: Prepare) -> None:
    by_model = [kind for kind in asked.personal_data if kind in BY_MODEL]
    if by_model and asked.entity_model is None:
        raise ConfigError(
            f"prepare.personal_data: {by_model[0]} is found by an entity model only",
            fix='name a trained run that finds entities: prepare.entity_model = "runs/..."',
        )
    if asked.entity_model is not None and not by_model and asked.personal_data != ["all"]:
        raise ConfigError(
            "prepare.entity_model is not used: prepare.personal_data names none of what it finds",
            fix=f"add {' or '.join(BY_MODEL)} to prepare.personal_data, or leave prepare.entity_model out",
        )


def _policy(file: str, *, classify: bool) -> Policy:
    """The word lists of a file and, where `classify`, the run that it names to classify texts."""
    asked = read_classifier(file) if classify else None
    return Policy(read_categories(file), classifier=None if asked is None else classifier_from(asked))


def chosen_retrieval(asked: Prepare) -> Retrieval | None:
    """How rows are compared by vectors; None where they are not.

    Raises:
        ConfigError: no such encoder, or settings for a search that is not asked for.
        ModelError: the encoder cannot be loaded.
    """
    if "vector" in (asked.copies, asked.leaks):
        return retrieval(asked.vectors or "offline", similarity=asked.similarity)
    for name in ("vectors", "similarity"):
        if (value := getattr(asked, name)) is not None:
            raise ConfigError(
                f"prepare.{name} = {value!r} is not used: no search by vectors is asked for",
                fix=f'set prepare.copies or prepare.leaks = "vector", or leave prepare.{name} out',
            )
    return None


def name_of(asked: str | Mapping[str, Any]) -> str:
    """The name of a step or filter as a run file asks for it."""
    return asked if isinstance(asked, str) else str(asked.get("name"))


def _tokens(base: str, revision: str | None, text: str) -> int:
    """How many tokens a text is to a model."""
    return len(_tokenizer(base, revision).encode(text, add_special_tokens=False))


@cache
def _tokenizer(base: str, revision: str | None) -> Any:
    from finetrie.models.loading import load_tokenizer  # only where tokens are counted

    return load_tokenizer(base, revision=revision)


def without_leaks(run: Run, parts: Split, asked: Plan) -> Split:
    """The split without training rows that are near a row of dev or test, where that is asked for.

    Dev rows that were split off from training are as cheap as training rows: those near a test row leave too.
    """
    if run.prepare.leaks == "exact":  # `split` has taken these out
        return parts
    dev = list(parts.dev)
    found: list[Leak] = []
    if run.data.dev is None and dev:
        found, dev = _parted(dev, parts.test, run, asked)
    more, train = _parted(parts.train, [*parts.test, *dev], run, asked)
    found += more
    notice = f"{len(found)} training rows say nearly the same as a row of dev or test; they are not used"
    return replace(
        parts,
        train=tuple(train),
        dev=tuple(dev),
        rejected=(*parts.rejected, *(leak.rejection() for leak in found)),
        notices=(*parts.notices, notice) if found else parts.notices,
    )


def _parted(
    rows: Sequence[Example], held: Sequence[Example], run: Run, asked: Plan
) -> tuple[list[Leak], list[Example]]:
    """Rows that give a held-out row away, and the others."""
    by_vector = asked.retrieval.arguments() if asked.retrieval is not None and run.prepare.leaks == "vector" else {}
    leaks = [leak for leak in find_leaks(rows, held, kind=run.task.kind, **by_vector) if leak.remove]
    gone = {leak.position for leak in leaks}
    return leaks, [row for position, row in enumerate(rows) if position not in gone]
