"""Duplicates: rows that repeat another one, within a set and across splits.

rows ─▶ tokens ─▶ exact ─┐
        shingles ─▶ MinHash bands ─▶ exact Jaccard ─┤─▶ pairs ─▶ what differs, and may it mean something? ─▶ verdict
        vectors ─▶ all pairs, or an index ─▶ exact cosine ─┘

A row is dropped only for an earlier row with the same target that stays and says the same. Everything else that is
alike is a record: a conflict for a person to decide, or a pair that was kept and why.
"""

from __future__ import annotations

from finetrie.data.duplicates.encoders import Retrieval, retrieval
from finetrie.data.duplicates.finding import find_duplicates
from finetrie.data.duplicates.leaks import find_leaks
from finetrie.data.duplicates.matches import Duplicates, Leak, Match
from finetrie.data.duplicates.meaning import Difference
from finetrie.data.duplicates.vectors import CharacterNgrams, Encoder

__all__ = [
    "CharacterNgrams",
    "Difference",
    "Duplicates",
    "Encoder",
    "Leak",
    "Match",
    "Retrieval",
    "find_duplicates",
    "find_leaks",
    "retrieval",
]
