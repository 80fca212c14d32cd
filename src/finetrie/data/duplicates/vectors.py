"""Retrieval by vectors: rows that say the same in other words, as far as an encoder sees it.

Up to `EXACT_ROWS` rows every pair is compared. Above, an index of neighbours (HNSW) proposes pairs, and their exact
cosine decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from finetrie.data.duplicates.pairs import Pairs, gather
from finetrie.errors import ConfigError

Encoder: TypeAlias = Callable[[Sequence[str]], Any]
"""Texts → one vector each, in order: a NumPy array or a SciPy sparse matrix, [texts, dimensions]. Any scale."""

EXACT_ROWS = 20_000
ROWS_AT_ONCE = 512
PROJECTED = 256  # dimensions of a sparse vector in the index


class CharacterNgrams:
    """The offline encoder: TF-IDF of the runs of 1 to 3 characters, hashed. It needs no model and no network.

    It is called with all texts at once, because the weights depend on them. On headlines with planted edits it finds
    what MinHash finds (F1 .994 and .992); it knows no synonyms.
    """

    def __init__(self, *, longest: int = 3, features: int = 2**18) -> None:
        self.longest, self.features = longest, features

    def __call__(self, texts: Sequence[str]) -> Any:
        """A sparse matrix with rows of length 1: [texts, features]."""
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

        hashed = HashingVectorizer(
            analyzer="char", ngram_range=(1, self.longest), n_features=self.features, alternate_sign=False, norm=None
        )
        return TfidfTransformer(sublinear_tf=True).fit_transform(hashed.transform(texts)).astype(np.float32)


def encode(encoder: Encoder, texts: Sequence[str]) -> Any:
    """The vectors of `texts`, each of length 1 or 0: a float32 array or a sparse matrix, [texts, dimensions].

    Raises:
        ConfigError: the encoder does not return one finite vector a text.
    """
    from scipy.sparse import csr_array, diags_array, issparse

    vectors: Any = encoder(texts)
    sparse = issparse(vectors)
    vectors = csr_array(vectors, dtype=np.float32) if sparse else np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[0] != len(texts):
        raise ConfigError(
            f"the encoder returned an array of shape {vectors.shape} for {len(texts)} texts",
            fix="return one vector a text: [texts, dimensions]",
        )
    if not np.isfinite(vectors.data if sparse else vectors).all():
        raise ConfigError("the encoder returned NaN or infinity", fix="check its model and its precision")
    squares = vectors.multiply(vectors).sum(axis=1) if sparse else (vectors * vectors).sum(axis=1)
    lengths = np.sqrt(np.asarray(squares, dtype=np.float32).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return csr_array(diags_array(scale) @ vectors) if sparse else vectors * scale[:, None]


def vector_pairs(
    vectors: Any,
    *,
    alike: float,
    neighbours: int = 16,
    questions: NDArray[np.int64] | None = None,
    sides: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Pairs:
    """Pairs of rows whose cosine is at least `alike`, for each row with its `neighbours` nearest at most.

    Args:
        vectors: of length 1, as `encode` returns them.
        questions: [rows]; only rows with the same number are compared.
        sides: [rows]; only pairs with one row on either side are returned.
        seed: draws the projection of sparse vectors for the index of a large set.
    """
    rows = vectors.shape[0]
    if rows <= EXACT_ROWS:
        candidates = _all_pairs(vectors, alike, neighbours, sides)
    else:
        candidates = _indexed_pairs(vectors, neighbours, sides, seed)
    found: list[Pairs] = []
    for left, right in candidates:
        fits = left != right
        if sides is not None:
            fits &= sides[left] != sides[right]
        if questions is not None:
            fits &= questions[left] == questions[right]
        left, right = left[fits], right[fits]
        score = _cosines(vectors, left, right)
        found.append(Pairs(left, right, score).only(score >= alike))
    return gather(found)


Candidates: TypeAlias = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _all_pairs(vectors: Any, alike: float, neighbours: int, sides: NDArray[np.bool_] | None) -> Candidates:
    """Every pair, a block of rows at a time; of each row its nearest."""
    turned = vectors.T.tocsc() if hasattr(vectors, "tocsc") else vectors.T
    for begin in range(0, vectors.shape[0], ROWS_AT_ONCE):
        block = vectors[begin : begin + ROWS_AT_ONCE] @ turned
        scores = block.toarray() if hasattr(block, "toarray") else block
        mine = np.arange(begin, begin + len(scores))
        scores[np.arange(len(scores)), mine] = -1
        if sides is not None:
            scores[sides[mine][:, None] == sides[None, :]] = -1
        if scores.shape[1] > neighbours:
            least = np.partition(scores, -neighbours, axis=1)[:, -neighbours]
            scores[scores < least[:, None]] = -1
        left, right = np.nonzero(scores >= alike - 1e-4)
        yield left + begin, right


def _indexed_pairs(vectors: Any, neighbours: int, sides: NDArray[np.bool_] | None, seed: int) -> Candidates:
    """The nearest in an index, by one thread: with more, the index depends on which of them comes first."""
    try:
        from usearch.index import Index
    except ImportError:
        raise ConfigError(
            f"vector retrieval in more than {EXACT_ROWS:,} rows needs usearch, which is not installed",
            fix="pip install 'finetrie[vectors]', or leave vector retrieval out",
        ) from None
    dense = _projected(vectors, seed)
    rows = np.arange(len(dense))
    indexed = rows if sides is None else rows[sides]
    index = Index(ndim=dense.shape[1], metric="cos", dtype="bf16")
    index.add(indexed, dense[indexed], threads=1)
    asked = rows if sides is None else rows[~sides]
    for begin in range(0, len(asked), ROWS_AT_ONCE):
        mine = asked[begin : begin + ROWS_AT_ONCE]
        found = index.search(dense[mine], min(neighbours + 1, len(indexed)), threads=1)
        keys = np.asarray(found.keys).reshape(len(mine), -1).astype(np.int64)
        yield np.repeat(mine, keys.shape[1]), keys.ravel()


def _projected(vectors: Any, seed: int) -> NDArray[np.float32]:
    """Vectors for the index; sparse ones are projected at random, which keeps cosines to about 1 / sqrt(256)."""
    if isinstance(vectors, np.ndarray):
        return vectors
    from sklearn.random_projection import SparseRandomProjection

    projection = SparseRandomProjection(PROJECTED, dense_output=True, random_state=seed)
    return np.ascontiguousarray(projection.fit_transform(vectors), dtype=np.float32)


def _cosines(vectors: Any, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
    if isinstance(vectors, np.ndarray):
        products = np.einsum("ij,ij->i", vectors[left], vectors[right])
    else:
        products = np.asarray(vectors[left].multiply(vectors[right]).sum(axis=1)).ravel()
    return np.asarray(np.clip(products, -1, 1), dtype=np.float32)
