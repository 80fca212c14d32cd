"""Rows made ready to be compared: what they say, what they ask, and which say exactly the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.tokens import plain, same_words_key
from finetrie.records import Example


@dataclass(frozen=True, slots=True)
class Rows:
    """Examples with their `plain` texts; rows that ask differently (instruction, earlier turns) are never compared."""

    examples: Sequence[Example]
    texts: list[str]
    questions: NDArray[np.int64]  # [rows]: equal for rows with the same instruction and earlier turns
    keys: NDArray[np.uint64]  # [rows]: checksum of question and words

    @classmethod
    def of(cls, examples: Sequence[Example]) -> Rows:
        texts = [plain(example.text) for example in examples]
        numbers: dict[tuple[str, ...], int] = {}
        questions = np.fromiter(
            (numbers.setdefault(_question(example), len(numbers)) for example in examples), np.int64, len(texts)
        )
        keys = np.fromiter(map(_checksum, texts, questions.tolist()), np.uint64, len(texts))
        return cls(examples, texts, questions, keys)

    def __len__(self) -> int:
        return len(self.texts)

    def repeated(self) -> Iterator[list[int]]:
        """Groups of two rows and more that ask the same in the same words, each in row order."""
        order = np.argsort(self.keys, kind="stable")
        ordered = self.keys[order]
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
        lengths = np.diff(np.append(starts, len(ordered)))
        for start, length in zip(starts[lengths > 1], lengths[lengths > 1], strict=True):
            # An equal checksum proves nothing: the words themselves do.
            groups: dict[tuple[int, str], list[int]] = {}
            for position in order[start : start + length].tolist():
                asked = int(self.questions[position]), same_words_key(self.texts[position])
                groups.setdefault(asked, []).append(position)
            yield from (group for group in groups.values() if len(group) > 1)


def _question(example: Example) -> tuple[str, ...]:
    turns = (part for message in example.history for part in (message["role"], message["content"]))
    return tuple(plain(part).casefold() for part in (example.instruction or "", *turns))


def _checksum(text: str, question: int) -> int:
    words = same_words_key(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(words, digest_size=8, salt=question.to_bytes(8, "big")).digest(), "big")
