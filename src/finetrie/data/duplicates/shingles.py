"""Texts as sets of shingles: pairs of neighbouring words, held as integers in one sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.tokens import content

BATCH_TEXTS = 20_000
CODE_BITS = 31  # a sparse matrix of SciPy counts its columns in 32-bit signed integers


@dataclass(frozen=True, slots=True)
class Shingles:
    """The shingles of text `i` are `codes[starts[i]:starts[i + 1]]`: distinct, ascending, below 2**31.

    Takes 4 bytes a shingle. Two different shingles share a code with probability 2**-31.
    """

    starts: NDArray[np.int64]  # [texts + 1]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Shingles per text: [texts]."""
        return np.diff(self.starts)

    def matrix(self) -> Any:
        """A binary `scipy.sparse.csr_array`: [texts, 2**31 - 1]. The codes are not copied."""
        from scipy.sparse import csr_array

        ones = np.ones(len(self.codes), dtype=np.int8)
        return csr_array((ones, self.codes, self.starts), shape=(len(self), 2**CODE_BITS - 1))


def shingles(texts: Iterable[str], *, size: int = 2) -> Shingles:
    """The shingles of each text, which must be `plain`.

    A shingle is `size` neighbouring words; a character is a word in Chinese and other scripts without spaces. Two
    characters find every edit of one character in a headline, longer ones do not. Punctuation does not count. A text
    of fewer words is one shingle; a text without any has none.
    """
    if size < 1:
        raise ValueError(f"a shingle has at least one word, got size={size}")
    counts, codes = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)]
    for batch in _batches(texts):
        found, per_text = _batch_codes(batch, size)
        codes.append(found)
        counts.append(per_text)
    return Shingles(np.cumsum(np.concatenate(counts)), np.concatenate(codes))


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit of a 64-bit integer over all 64 (the finaliser of SplitMix64; Steele et al., 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while batch := list(islice(stream, BATCH_TEXTS)):
        yield batch


def _batch_codes(texts: list[str], size: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Distinct codes of each text, one text after the other, and how many each has."""
    words = [_word_ids(text) for text in texts]
    lengths = np.array([len(ids) for ids in words], dtype=np.int64)
    flat = np.fromiter((word for ids in words for word in ids), np.uint64, count=int(lengths.sum()))
    owner = np.repeat(np.arange(len(texts)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    end = first + np.repeat(lengths, lengths)
    place = np.arange(len(flat))
    code = np.zeros(len(flat), np.uint64)
    for step in range(size):
        inside = place + step < end
        code[inside] = mix(code[inside] * np.uint64(31) + flat[place[inside] + step] + np.uint64(1))
    whole = (place + size <= end) | (place == first)
    short = code[whole] >> np.uint64(64 - CODE_BITS)
    short = np.minimum(short, np.uint64(2**CODE_BITS - 2))  # the last column does not exist
    distinct = np.sort((owner[whole].astype(np.uint64) << np.uint64(CODE_BITS)) | short)
    distinct = distinct[np.append(True, distinct[1:] != distinct[:-1])[: len(distinct)]]  # `np.unique` is slower
    per_text = np.bincount((distinct >> np.uint64(CODE_BITS)).astype(np.int64), minlength=len(texts))
    return (distinct & np.uint64(2**CODE_BITS - 1)).astype(np.int32), per_text.astype(np.int64)


def _word_ids(text: str) -> list[int]:
    """One integer a word: the code point of a single character, else a checksum above all code points."""
    return [ord(word) if len(word) == 1 else crc32(word.encode()) | 1 << 32 for word in content(text)]
