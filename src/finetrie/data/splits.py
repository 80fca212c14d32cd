"""Training, dev and test rows: stratified, seeded, and without a text that stands on two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from finetrie.data.keys import Key, exact_key, loose_key
from finetrie.data.labels import count_labels, kind_of_examples, near_labels
from finetrie.data.strata import hold_out, nested_order
from finetrie.errors import DataError
from finetrie.records import Example, Rejection

LISTED_LABELS = 10


@dataclass(frozen=True)
class Split:
    """Rows by role, each in file order; what was taken out, and what the user should know."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    rejected: tuple[Rejection, ...] = ()  # rows taken out because their text also stands on the other side
    notices: tuple[str, ...] = ()


def split(
    train: Iterable[Example],
    *,
    dev: Iterable[Example] | None = None,
    test: Iterable[Example] | None = None,
    dev_fraction: float = 0.1,
    test_fraction: float = 0.2,
    train_rows: int | None = None,
    overlap: Literal["remove", "keep"] = "remove",
    seed: int = 0,
    kind: str | None = None,
) -> Split:
    """Divide rows into training, dev and test.

    1. Training rows that ask exactly what a given test or dev row asks (`exact_key`) are taken out as
       `Rejection(rule="test_overlap" | "dev_overlap")` with that row as partner; so are dev rows that stand in test.
       `overlap="keep"` leaves them in and says so in a notice.
    2. Without `test`, `test_fraction` of the rows is held out; then without `dev`, `dev_fraction` of what remains.
       Both are stratified: by label, for entities by the set of labels in a row. Rows that ask the same, or nearly
       (`loose_key`), stay together, and each label keeps a row in training; a label with one row is never held out.
    3. `train_rows` keeps a stratified sample: with the same seed and rows, smaller samples lie inside larger ones.
       Rows left out by it are no rejections; a notice counts them.

    The result depends on the rows, their order and `seed` only, on every platform. Ids are made unique in each part.

    Raises:
        DataError: no training row is left, or no row can be held out for test.
    """
    train, given_dev, given_test = list(train), list(dev or ()), list(test or ())
    kind = kind or kind_of_examples(train)
    notices: list[str] = []
    rejected: list[Rejection] = []
    all_rows = len(train)

    given_dev = _without(given_dev, given_test, "test", "dev", overlap, rejected, notices)
    kept = _without(train, given_test, "test", "training", overlap, rejected, notices)
    kept = _without(kept, given_dev, "dev", "training", overlap, rejected, notices)
    if not kept:
        raise _nothing_left(train, all_rows)
    fixed = {loose_key(example) for example in (*given_dev, *given_test)}

    if test is None and test_fraction:
        kept, given_test = _hold_out(kept, "test", test_fraction, kind, seed, fixed, notices)
        if not given_test:
            raise _too_few(kept, test_fraction)
    if dev is None and dev_fraction:
        kept, given_dev = _hold_out(kept, "dev", dev_fraction, kind, seed, fixed, notices)
    kept = _sample(kept, train_rows, kind, seed, notices)
    notices += _label_notices(kept, {"dev": given_dev, "test": given_test}, kind)
    return Split(
        train=_unique_ids(kept, "train", notices),
        dev=_unique_ids(given_dev, "dev", notices),
        test=_unique_ids(given_test, "test", notices),
        rejected=tuple(rejected),
        notices=tuple(notices),
    )


def _without(
    rows: list[Example],
    held: Sequence[Example],
    held_role: str,
    role: str,
    overlap: str,
    rejected: list[Rejection],
    notices: list[str],
) -> list[Example]:
    """`rows` without those that ask what a held row asks; each is recorded, or only counted under "keep"."""
    partners: dict[Key, Example] = {}
    for example in held:
        partners.setdefault(exact_key(example), example)
    shared = [example for example in rows if exact_key(example) in partners]
    if not shared:
        return rows
    if overlap == "keep":
        notices.append(f"{len(shared)} {role} rows also stand in {held_role}; they were kept (data.overlap)")
        return rows
    pairs = [(example, partners[exact_key(example)]) for example in shared]
    rejected += [_overlap(example, partner, role, held_role) for example, partner in pairs]
    differ = sum(example.target != partner.target for example, partner in pairs)
    notices.append(
        f"{len(shared)} {role} rows were removed: their text also stands in {held_role}"
        + (f", where {differ} of them are labelled differently" if differ else "")
    )
    return [example for example in rows if exact_key(example) not in partners]


def _overlap(example: Example, partner: Example, role: str, held_role: str) -> Rejection:
    labelled = ", which is labelled differently" if example.target != partner.target else ""
    return Rejection(
        origin=example.origin,
        rule=f"{held_role}_overlap",
        reason=f"the {role} row has the same text as {partner.origin} ({held_role}){labelled}",
        partner=partner.origin,
        text=example.text,
    )


def _hold_out(
    rows: list[Example], role: str, fraction: float, kind: str, seed: int, fixed: set[Key], notices: list[str]
) -> tuple[list[Example], list[Example]]:
    held = hold_out(rows, fraction, kind=kind, seed=f"{seed}:{role}", fixed=fixed)
    kept = [example for i, example in enumerate(rows) if i not in held]
    taken = [example for i, example in enumerate(rows) if i in held]
    if not taken:
        notices.append(f"no {role} rows: {len(rows)} rows are too few to hold out {fraction:.0%}")
    elif kind == "classification":
        missing = sorted(set(count_labels(kept, kind=kind)) - set(count_labels(taken, kind=kind)))
        if missing:
            notices.append(f"{_listed(missing)}: too few rows to stand in {role} as well; all are in training")
    return kept, taken


def _sample(rows: list[Example], train_rows: int | None, kind: str, seed: int, notices: list[str]) -> list[Example]:
    if train_rows is None:
        return rows
    if train_rows >= len(rows):
        if train_rows > len(rows):
            notices.append(
                f"data.train_rows = {train_rows}, but there are only {len(rows)} training rows; all are used"
            )
        return rows
    chosen = sorted(nested_order(rows, kind=kind, seed=f"{seed}:train_rows")[:train_rows])
    notices.append(f"data.train_rows = {train_rows}: a stratified sample; {len(rows) - train_rows} rows are left out")
    return [rows[i] for i in chosen]


def _label_notices(train: Sequence[Example], held: dict[str, list[Example]], kind: str) -> list[str]:
    """Labels that training never saw, and labels that nearly agree between the parts."""
    notices = []
    known = count_labels(train, kind=kind)
    everything = set(known)
    for role, examples in held.items():
        counts = count_labels(examples, kind=kind)
        everything |= set(counts)
        unseen = [f"{label!r} ({count} rows)" for label, count in counts.items() if label not in known]
        if unseen:
            notices.append(f"labels in {role} that training never saw: {', '.join(unseen)}")
    for group in near_labels(everything):
        if not set(group) <= set(known):
            listed = ", ".join(map(repr, group))
            notices.append(
                f"labels {listed} differ only in case, width or spaces between the parts; they are kept apart"
            )
    return notices


def _unique_ids(rows: Sequence[Example], role: str, notices: list[str]) -> tuple[Example, ...]:
    """Rows whose ids agree take their origins as ids, with a number where these agree as well."""
    counts = Counter(example.id for example in rows)
    if len(counts) == len(rows):
        return tuple(rows)
    taken: set[str] = {name for name, count in counts.items() if count == 1}
    unique = []
    for example in rows:
        name = example.id
        if counts[name] > 1:
            name, number = example.origin, 1
            while name in taken:
                number += 1
                name = f"{example.origin}#{number}"
            taken.add(name)
        unique.append(replace(example, id=name))
    again = sum(count for count in counts.values() if count > 1)
    notices.append(f"{again} {role} rows shared an id with another row; their origin is their id now")
    return tuple(unique)


def _listed(labels: Sequence[str]) -> str:
    named = ", ".join(map(repr, labels[:LISTED_LABELS]))
    return f"labels {named}" + (f" and {len(labels) - LISTED_LABELS} more" if len(labels) > LISTED_LABELS else "")


def _file(rows: Sequence[Example]) -> str:
    return rows[0].origin.rpartition(":")[0] if rows else "training data"


def _nothing_left(train: Sequence[Example], rows: int) -> DataError:
    what = f"all {rows} training rows also stand in the test or dev file" if rows else "there are no training rows"
    return DataError(
        _file(train) or "training data", None, what, fix='name another test file, or set data.overlap = "keep"'
    )


def _too_few(rows: Sequence[Example], fraction: float) -> DataError:
    return DataError(
        _file(rows) or "training data",
        None,
        f"{len(rows)} rows are too few to hold out {fraction:.0%} for test: each label needs a row in training",
        fix="add rows, or name a test file: data.test",
    )
