"""Every pair above the cosine is found, by whatever encoder, and a wrong encoder is told what it should return."""

from __future__ import annotations

import json
import random
from itertools import combinations
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finetrie.data.duplicates import vectors as vectors_module
from finetrie.data.duplicates.encoders import ServedEncoder
from finetrie.data.duplicates.vectors import CharacterNgrams, encode, vector_pairs
from finetrie.errors import ConfigError, ModelError

components = st.integers(-3, 3).map(float)


@given(arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=components))
def test_all_pairs_above_the_cosine_are_found(raw: Any) -> None:
    from scipy.sparse import csr_array

    names = [str(i) for i in range(len(raw))]
    unit = encode(lambda texts: raw, names)
    expected = {(i, j) for i, j in combinations(range(len(raw)), 2) if float(unit[i] @ unit[j]) >= 0.87}
    for vectors in (unit, encode(lambda texts: csr_array(raw), names)):
        pairs = vector_pairs(vectors, alike=0.87, neighbours=12)
        assert {(i, j) for i, j, _ in pairs} == expected
        assert all(score == pytest.approx(float(unit[i] @ unit[j]), abs=1e-5) for i, j, score in pairs)


def test_the_offline_encoder_sees_an_edit_and_not_another_topic() -> None:
    texts = ["深山发现紫薇树桩做成盆景", "深山发现紫薇树庄做成盆景", "股票今天大跌三成"]
    pairs = list(vector_pairs(encode(CharacterNgrams(), texts), alike=0.6))
    assert [(i, j) for i, j, _ in pairs] == [(0, 1)]


def test_only_rows_of_the_same_question_and_of_different_sides_are_compared() -> None:
    vectors = np.ones((4, 1), np.float32)
    questions, sides = np.array([0, 0, 1, 1]), np.array([True, False, False, False])
    assert [(i, j) for i, j, _ in vector_pairs(vectors, alike=0.9, questions=questions)] == [(0, 1), (2, 3)]
    assert [(i, j) for i, j, _ in vector_pairs(vectors, alike=0.9, sides=sides)] == [(0, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize("sides", [None, np.arange(200) % 2 == 0])
@pytest.mark.parametrize("dense", [False, True])
def test_the_index_finds_what_the_exact_search_finds(monkeypatch: pytest.MonkeyPatch, dense: bool, sides: Any) -> None:
    """Texts of 20 characters, each followed by one that differs in a character."""
    pytest.importorskip("usearch", reason="the index needs usearch")
    draw = random.Random(0)
    texts = []
    for _ in range(100):
        text = "".join(chr(draw.randrange(0x4E00, 0x4E00 + 2000)) for _ in range(20))
        texts += [text, text[:9] + "啰" + text[10:]]
    vectors = encode(CharacterNgrams(features=2**12), texts)
    if dense:
        vectors = vectors.toarray()
    exact = list(vector_pairs(vectors, alike=0.7, sides=sides))
    monkeypatch.setattr(vectors_module, "EXACT_ROWS", 10)
    indexed = list(vector_pairs(vectors, alike=0.7, sides=sides))
    assert [pair[:2] for pair in exact] == [(i, i + 1) for i in range(0, 200, 2)]
    assert [pair[:2] for pair in indexed] == [pair[:2] for pair in exact]
    assert indexed == list(vector_pairs(vectors, alike=0.7, sides=sides))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.ones((2, 3)), r"shape \(2, 3\) for 3 texts"),
        (np.ones(3), r"shape \(3,\) for 3 texts"),
        (np.full((3, 2), np.nan), "NaN or infinity"),
    ],
)
def test_an_encoder_that_returns_something_else_is_told_what_is_expected(returned: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        encode(lambda texts: returned, ["a", "b", "c"])


class TestService:
    def encoder(self, answer: Any) -> ServedEncoder:
        transport = httpx.MockTransport(answer)
        return ServedEncoder("http://localhost:8000/v1/", "bge", key="secret", transport=transport)

    def test_vectors_come_in_the_order_of_the_texts_in_requests_of_64(self) -> None:
        sizes = []

        def answer(request: Any) -> Any:
            asked = json.loads(request.content)
            assert (str(request.url), asked["model"]) == ("http://localhost:8000/v1/embeddings", "bge")
            assert request.headers["authorization"] == "Bearer secret"
            sizes.append(len(asked["input"]))
            data = [{"index": i, "embedding": [float(text), 1.0]} for i, text in enumerate(asked["input"])]
            return httpx.Response(200, json={"data": data[::-1]})

        vectors = self.encoder(answer)([str(i) for i in range(100)])
        assert vectors[:, 0].tolist() == list(range(100))
        assert sizes == [64, 36]

    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (500, {}, "500"),
            (200, {"data": []}, "0 vectors for 1 texts"),
            (200, {"error": "no"}, "not one vector a text"),
        ],
    )
    def test_a_failing_service_is_named_with_a_way_out(self, status: int, body: Any, message: str) -> None:
        encoder = self.encoder(lambda request: httpx.Response(status, json=body))
        with pytest.raises(ModelError, match=rf"(?s)localhost:8000/v1/embeddings.*{message}.*fix: check") as caught:
            encoder(["a"])
        assert "secret" not in str(caught.value)
