"""The same answers without sharing: every label and every prompt in a plain forward pass of its own.

For models that cannot continue a shared prefix (recurrent layers, short sliding windows, prompt
learning), and the reference that the fast path is tested against.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from time import perf_counter
from typing import Any

import torch
from transformers import GenerationConfig

from finetrie.inference.batching import Sizes, attempt, ranges
from finetrie.inference.branches import last_positions, summarise
from finetrie.inference.generation import Answer
from finetrie.inference.scoring import Scored
from finetrie.trie.attention import transformer


def score_rows(model: Any, rows: Sequence[Scored], *, sizes: Sizes) -> None:
    """Compute every label of every row; results and errors are left in the rows."""

    def failed(row: Scored, error: str) -> None:
        row.error = error

    for row in rows:
        attempt([row], partial(_score, model, sizes=sizes), failed)


def _score(model: Any, rows: Sequence[Scored], *, sizes: Sizes) -> None:
    for row in rows:
        started = perf_counter()
        row.reset()
        paths = _paths(row)
        vocabulary = model.get_input_embeddings().weight.shape[0]
        for first, last in ranges(
            [len(row.ids) + len(path) for path in paths],
            tokens=sizes.tokens,
            rows=max(1, sizes.logit_bytes // (6 * vocabulary * max(map(len, paths)))),
        ):
            _read_paths(model, row, paths[first:last])
        row.seconds = perf_counter() - started


def _paths(row: Scored) -> list[list[int]]:
    """Per label, the inner nodes that lead to it, from node 0 on."""
    parent = {child: node for node in row.trie.inner for child in row.trie.children[node].values()}
    paths = []
    for leaf in row.trie.leaves:
        path = [parent[leaf]]
        while path[-1] != 0:
            path.append(parent[path[-1]])
        paths.append(path[::-1])
    return paths


def _read_paths(model: Any, row: Scored, paths: Sequence[Sequence[int]]) -> None:
    device = model.get_input_embeddings().weight.device
    width = max(map(len, paths)) - 1
    tokens = [[*row.ids, *(row.trie.tokens[node] for node in path[1:])] for path in paths]
    input_ids = torch.tensor([ids + [0] * (len(row.ids) + width - len(ids)) for ids in tokens], device=device)
    lengths = torch.tensor([len(ids) for ids in tokens], device=device)
    attention_mask = (torch.arange(input_ids.shape[1], device=device) < lengths[:, None]).long()
    out = model(
        input_ids=input_ids,
        attention_mask=attention_mask,
        use_cache=False,
        logits_to_keep=last_positions(width + 1, device=device),
    )
    logits = out.logits[:, -(width + 1) :]  # prompt learning puts virtual tokens in front
    for path, own in zip(paths, logits, strict=True):
        normaliser, best = (values.tolist() for values in summarise(own))
        for place, node in enumerate(path):
            if node not in row.greedy:
                below = own[place, list(row.trie.children[node])].float().tolist()
                row.learn(node, normaliser=normaliser[place], best=best[place], children=below)


def answer_rows(model: Any, answers: Sequence[Answer], *, stop_ids: Collection[int], sizes: Sizes) -> None:
    """Answer every prompt by the model's own `generate`; results and errors are left in the answers.

    Only prompts of one length and limit share a batch: padding is not harmless to every model.
    """

    def kind(answer: Answer) -> tuple[int, int]:
        return -(len(answer.ids) + len(answer.said)), answer.limit - len(answer.said)

    def failed(answer: Answer, error: str) -> None:
        answer.error = error

    for _, group in groupby(sorted((a for a in answers if a.finished is None), key=kind), key=kind):
        alike = list(group)
        for answer in alike:
            answer.mark()
        lengths = [len(answer.ids) + answer.limit for answer in alike]
        for first, last in ranges(lengths, tokens=sizes.tokens, rows=sizes.rows):
            attempt(alike[first:last], partial(_generate, model, stop_ids=stop_ids), failed)


def _generate(model: Any, answers: Sequence[Answer], *, stop_ids: Collection[int]) -> None:
    started = perf_counter()
    for answer in answers:
        answer.rewind()
    device = model.get_input_embeddings().weight.device
    input_ids = torch.tensor([[*answer.ids, *answer.said] for answer in answers], device=device)
    stop = sorted(stop_ids)
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=answers[0].limit - len(answers[0].said),
        eos_token_id=stop or None,
        pad_token_id=stop[0] if stop else 0,
    )
    with _no_defaults(model):
        out = model.generate(input_ids=input_ids, attention_mask=torch.ones_like(input_ids), generation_config=settings)
    share = (perf_counter() - started) / len(answers)
    for answer, said in zip(answers, out[:, input_ids.shape[1] :].tolist(), strict=True):
        answer.log_probability = None
        answer.seconds += share
        for token in said:
            if answer.finished is None:
                answer.say(token, 0.0, stop_ids)


@contextmanager
def _no_defaults(model: Any) -> Iterator[None]:
    """Sampling, penalties and the like that came with the model do not apply here."""
    inner = transformer(model)
    saved, inner.generation_config = inner.generation_config, GenerationConfig()
    try:
        yield
    finally:
        inner.generation_config = saved
