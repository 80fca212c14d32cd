"""Near duplicates: MinHash proposes pairs, their exact Jaccard similarity decides.

MinHash and its bands: Broder, "On the resemblance and containment of documents" (1997); Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", chapter 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.pairs import Pairs, gather
from finetrie.data.duplicates.shingles import Shingles, mix
from finetrie.errors import ConfigError

PERMUTATIONS = 256
MISSED = 0.02
"""Share of the pairs at the threshold itself that the bands may miss; pairs above it are missed far less often."""

CROWD = 256
"""Rows of one band with the same signature that are compared one with another; beyond, each with its neighbours."""

ROWS_AT_ONCE = 4_000
PAIRS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Near:
    """Pairs whose Jaccard similarity reaches the threshold."""

    pairs: Pairs
    crowded: int  # rows that were not compared with every row of their band


def near_pairs(
    shingles: Shingles,
    *,
    near: float,
    questions: NDArray[np.int64] | None = None,
    sides: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Near:
    """Pairs of texts that share at least `near` of their shingles (Jaccard: common / all of both).

    A pair at exactly `near` is missed with probability 2 % or less, above it rapidly less; no pair below it is ever
    returned. Time grows with the texts and the pairs found, not with the square of the texts.

    Args:
        questions: [texts]; only texts with the same number are compared.
        sides: [texts]; only pairs with one text on either side are returned.
        seed: draws the permutations. Nothing else is random.
    """
    bands, rows = bands_for(near)
    usable = np.flatnonzero(shingles.sizes)
    signatures = _band_signatures(shingles, usable, bands, rows, seed)
    if questions is not None:
        signatures ^= mix(questions[usable].astype(np.uint64)).astype(np.uint32)[:, None]
    matrix = shingles.matrix()
    found: list[Pairs] = []
    crowded = np.zeros(len(usable), dtype=bool)
    for band in range(bands):
        for left, right in _collisions(signatures, band, crowded):
            left, right = usable[left], usable[right]
            fits = np.ones(len(left), dtype=bool)
            if sides is not None:
                fits &= sides[left] != sides[right]
            if questions is not None:
                fits &= questions[left] == questions[right]
            found.append(_verified(matrix, shingles.sizes, left[fits], right[fits], near))
    return Near(gather(found), int(crowded.sum()))


def bands_for(near: float) -> tuple[int, int]:
    """(bands, rows a band): the longest bands of 256 permutations that miss 2 % of pairs at the threshold or less."""
    if not 0 < near <= 1:
        raise ConfigError(f"near = {near}: a similarity lies above 0 and is at most 1", fix="choose 0.5, the default")
    for rows in range(8, 0, -1):
        bands = PERMUTATIONS // rows
        if (1 - near**rows) ** bands <= MISSED:
            return bands, rows
    raise ConfigError(f"near = {near} is too low to search for", fix="choose 0.1 or more; 0.5 is the default")


def crowd_notice(rows: int) -> str:
    """What to tell the user when rows were crowded."""
    return (
        f"{rows} rows are alike in crowds of more than {CROWD}; each was compared with the first and with the {CROWD} "
        "before it in its crowd, so that some near duplicates among them may have been missed"
    )


def _band_signatures(
    shingles: Shingles, usable: NDArray[np.int64], bands: int, rows: int, seed: int
) -> NDArray[np.uint32]:
    """One checksum a band: [usable texts, bands]. The signatures themselves are never all in memory."""
    checksums = np.empty((len(usable), bands), np.uint32)
    for begin in range(0, len(usable), ROWS_AT_ONCE):
        chosen = usable[begin : begin + ROWS_AT_ONCE]
        minima = _minima(shingles, chosen, bands * rows, seed).reshape(len(chosen), bands, rows)
        checksum = np.zeros((len(chosen), bands), np.uint64)
        for row in range(rows):
            checksum = mix(checksum ^ (minima[:, :, row].astype(np.uint64) + np.uint64(row + 1)))
        checksums[begin : begin + ROWS_AT_ONCE] = checksum.astype(np.uint32)
    return checksums


def _minima(shingles: Shingles, chosen: NDArray[np.int64], permutations: int, seed: int) -> NDArray[np.uint32]:
    """MinHash signatures of consecutive usable texts: [chosen, permutations]."""
    from rensa import RMinHash

    begin, end = shingles.starts[chosen[0]], shingles.starts[chosen[-1] + 1]
    hashes = mix(shingles.codes[begin:end].astype(np.uint64))
    offsets = np.append(shingles.starts[chosen], end).astype(np.uint64) - np.uint64(begin)
    found = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, permutations, seed)
    return np.array(found.to_rows(), dtype=np.uint32)


def _collisions(
    signatures: NDArray[np.uint32], band: int, crowded: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows that agree in `band` and in no earlier one, the earlier row first, in portions."""
    column = signatures[:, band]
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, np.int64)
    lengths = np.diff(np.append(starts, len(ordered)))
    run_start = np.repeat(starts, lengths)
    crowd = np.repeat(lengths > CROWD, lengths)
    here = np.arange(len(ordered))
    for lag in range(1, CROWD + 1):
        here = here[here + lag < len(ordered)]
        here = here[run_start[here] == run_start[here + lag]]
        if not len(here):
            break
        yield from _new(signatures, band, order[here], order[here + lag])
    if crowd.any():
        # The first row of a crowd is the one most likely to be kept: every other row is compared with it.
        yield from _new(signatures, band, order[run_start[crowd]], order[crowd])
        crowded[order[crowd]] = True
        # Not all pairs of a crowd were tried, so that it must not hide them from later bands.
        signatures[order[crowd], band] = order[crowd].astype(np.uint32)


def _new(
    signatures: NDArray[np.uint32], band: int, left: NDArray[np.int64], right: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for begin in range(0, len(left), PAIRS_AT_ONCE):
        one, other = left[begin : begin + PAIRS_AT_ONCE], right[begin : begin + PAIRS_AT_ONCE]
        new = (one != other) & ~(signatures[one, :band] == signatures[other, :band]).any(axis=1)
        yield one[new], other[new]


def _verified(
    matrix: Any, sizes: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64], near: float
) -> Pairs:
    """The pairs whose exact Jaccard similarity is at least `near`."""
    possible = np.minimum(sizes[left], sizes[right]) >= near * np.maximum(sizes[left], sizes[right])
    left, right = left[possible], right[possible]
    common = np.diff(matrix[left].multiply(matrix[right]).tocsr().indptr)
    score = common / (sizes[left] + sizes[right] - common)
    alike = score >= near
    return Pairs(left[alike], right[alike], score[alike].astype(np.float32))
