"""Real rows under the real tokenizer: what a step of training computes on the trie equals the padded batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from finetrie.data.reading import read
from finetrie.prompts import Renderer, choose_reserve
from finetrie.records import Prompt
from finetrie.tasks.classification import Classification
from finetrie.tasks.ner import Ner
from finetrie.trie import pack, pack_loss, padded_loss, parity_probe, plan
from tests.conftest import shared, tiny_model
from tests.unit.trie.cases import assert_equal_training


def prompts(name: str, tokenizer: Any) -> list[Prompt]:
    path = shared(f"data/{name}/train.jsonl")
    if name == "tnews":
        examples = read(path, kind="classification", text="sentence", target="label_desc").examples
        task: Any = Classification(tuple(sorted({str(example.target) for example in examples})))
        reserve = None
    else:
        examples = tuple(example for example in read(path, format="ccf").examples[:400] if example.target)
        task = Ner(("GPE", "LOC", "ORG", "PER"), wording="ccf_ner")
        reserve = choose_reserve(tokenizer, task, examples, max_tokens=384)
    renderer = Renderer(tokenizer, task, max_tokens=384, reserve=reserve)
    rendered = [renderer.render(example) for example in examples[:: len(examples) // 8][:8]]
    return [prompt for prompt in rendered if isinstance(prompt, Prompt)]


@pytest.mark.slow
@pytest.mark.parametrize("budget", [400, 1792])
@pytest.mark.parametrize("name", ["tnews", "ccfbdci_ner"])
def test_a_step_of_packs_equals_the_padded_batch(name: str, budget: int, qwen_tokenizer: Any) -> None:
    rows = prompts(name, qwen_tokenizer)
    ids, flags = [row.ids for row in rows], [row.supervised for row in rows]
    model = tiny_model("qwen2", vocab_size=151_936, hidden_size=16, head_dim=8, tie_word_embeddings=True)
    total = torch.zeros(())
    computed = 0
    for group in plan(ids, budget_tokens=budget):
        packed = pack([ids[i] for i in group], [flags[i] for i in group])
        total = total + pack_loss(model, packed)
        computed += len(packed)
    targets = sum(sum(flag) for flag in flags)
    assert_equal_training(model, total / targets, padded_loss(model, ids, flags) / targets)
    if budget == 1792:  # one pack: the instruction is computed once
        assert computed < 0.7 * sum(map(len, ids))


def test_the_probe_passes_on_real_rows(qwen_tokenizer: Any) -> None:
    rows = prompts("tnews", qwen_tokenizer)
    model = tiny_model("qwen2", vocab_size=151_936, hidden_size=16, head_dim=8, tie_word_embeddings=True)
    assert parity_probe(model, [row.ids for row in rows], [row.supervised for row in rows]).exact
