"""The engine over a model in this process, with or without adapters."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from finetrie.errors import FinetrieError
from finetrie.inference import generation, plain, scoring
from finetrie.inference.attention import side_by_side
from finetrie.inference.batching import Sizes
from finetrie.inference.branches import start
from finetrie.inference.engine import DECODINGS, Completion, Decoding, LabelScores, Wording
from finetrie.inference.generation import Answer
from finetrie.inference.labels import LabelTrie, label_trie
from finetrie.inference.probe import why_not_shared
from finetrie.inference.scoring import Question, Scored
from finetrie.records import Prompt
from finetrie.trie import Prefix, common_prefix

logger = logging.getLogger(__name__)


class LocalEngine:
    """Scores labels and generates greedily, with what all prompts share computed once a call.

    The model is used in eval mode and left as it was found, also between results. Nothing is kept
    between calls, so its weights may change in between. The model's own generation settings
    (sampling, penalties) are ignored: answers are greedy.

    Args:
        renderer: the labels' tokens, the stop tokens and how tokens read, as in training.
        sizes: what is computed and held at a time; default: by device. Never changes an answer.
        tolerance: for label sets too large to compute whole, the share of the distribution over labels
            that may stay undecided; reported per row. 0: none.
        free_tokens: most tokens of the `free` answer; default: as many as the row's longest label.
        share: False computes every prompt and every label on its own; slow, for comparison.

    `notices` says what the engine had to do differently, if anything.
    """

    def __init__(
        self,
        model: Any,
        renderer: Wording,
        *,
        sizes: Sizes | None = None,
        tolerance: float = 1e-4,
        free_tokens: int | None = None,
        share: bool = True,
    ) -> None:
        self.model = model
        self.renderer = renderer
        self.sizes = sizes or Sizes.of(model.get_input_embeddings().weight.device)
        self.tolerance = tolerance
        self.free_tokens = free_tokens
        self.notices: list[str] = []
        self._shares: bool | None = None if share else False
        self._stop_ids = frozenset(renderer.stop_ids)

    @property
    def decodings(self) -> tuple[Decoding, ...]:
        """All of them: a model in this process can be asked for everything."""
        return DECODINGS

    def score(
        self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]], *, decodings: Collection[Decoding] = DECODINGS
    ) -> Iterator[LabelScores]:
        """Yield one result per prompt, in order; `labels[i]` are the candidate labels of `prompts[i]`.

        A label given twice counts once. Raises ValueError for lists of different lengths or an unknown decoding.
        """
        if len(prompts) != len(labels):
            raise ValueError(f"{len(prompts)} prompts, but candidate labels for {len(labels)}")
        if unknown := set(decodings) - set(DECODINGS):
            raise ValueError(f"unknown decodings {sorted(unknown)}; known: {', '.join(DECODINGS)}")
        question = Question(
            decodings=frozenset(decodings),
            stop_ids=self._stop_ids,
            free_limit=self.free_tokens,
            tolerance=self.tolerance,
        )
        return self._score(prompts, labels, question)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> Iterator[Completion]:
        """Yield one greedy completion per prompt, in order. Raises ValueError for max_new_tokens < 1."""
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {max_new_tokens}")
        return self._generate(prompts, max_new_tokens)

    def _score(
        self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]], question: Question
    ) -> Iterator[LabelScores]:
        ids = [prompt.prompt_ids for prompt in prompts]
        prefix = self._prefix(ids)
        tries: dict[tuple[str, ...], LabelTrie | str] = {}
        for first in range(0, len(prompts), self.sizes.window):
            window = range(first, min(first + self.sizes.window, len(prompts)))
            rows: dict[int, Scored] = {}
            errors: dict[int, str] = {}
            for index in window:
                trie = self._trie(tuple(dict.fromkeys(labels[index])), tries)
                if isinstance(trie, str) or not ids[index]:
                    errors[index] = trie if isinstance(trie, str) else "the prompt has no tokens"
                else:
                    rows[index] = Scored(index, ids[index], trie)
            answers = self._score_window(list(rows.values()), prefix, question)
            for index in window:
                if index in errors:
                    yield LabelScores(prompts[index].id, error=errors[index])
                else:
                    yield self._label_scores(prompts[index].id, rows[index], answers.get(index), question)

    def _generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> Iterator[Completion]:
        ids = [prompt.prompt_ids for prompt in prompts]
        prefix = self._prefix(ids)
        for first in range(0, len(prompts), self.sizes.window):
            window = range(first, min(first + self.sizes.window, len(prompts)))
            answers = {index: Answer(index, ids[index], limit=max_new_tokens) for index in window}
            with _evaluating(self.model):
                self._answer([answer for answer in answers.values() if answer.ids], prefix)
            for index, answer in answers.items():
                if not answer.ids:
                    answer.error = "the prompt has no tokens"
                yield self._completion(prompts[index].id, answer)

    def _score_window(self, rows: Sequence[Scored], prefix: Prefix | None, question: Question) -> dict[int, Answer]:
        """Score the rows; return the free answers of those that leave the labels, by row index."""
        if not rows:
            return {}
        with _evaluating(self.model):
            if prefix is None:
                plain.score_rows(self.model, rows, sizes=self.sizes)
            else:
                with side_by_side(self.model):
                    scoring.score_rows(self.model, prefix, rows, question, sizes=self.sizes)
            if "free" not in question.decodings:
                return {}
            answers = {}
            for row in rows:
                said, _, finished = row.free_path(self._stop_ids, question.limit(row))
                if row.error is None and finished is None:
                    answers[row.index] = Answer(row.index, row.ids, limit=question.limit(row), said=said)
            self._answer(list(answers.values()), prefix)
        return answers

    def _answer(self, answers: Sequence[Answer], prefix: Prefix | None) -> None:
        if prefix is None:
            plain.answer_rows(self.model, answers, stop_ids=self._stop_ids, sizes=self.sizes)
        else:
            with side_by_side(self.model):
                generation.answer_rows(self.model, prefix, answers, stop_ids=self._stop_ids, sizes=self.sizes)

    def _prefix(self, prompts: Sequence[tuple[int, ...]]) -> Prefix | None:
        """What all prompts begin with, computed; None where the model cannot continue it."""
        filled = [ids for ids in prompts if ids]
        if not filled or self._shares is False:
            return None
        with _evaluating(self.model):
            if self._shares is None:
                reason = why_not_shared(self.model, filled)
                self._shares = reason is None
                if reason is not None:
                    notice = f"prompts are computed one by one, which is slower: {reason}"
                    self.notices.append(notice)
                    logger.warning(notice)
                    return None
            return start(self.model, filled, shared=common_prefix(filled))

    def _trie(self, labels: tuple[str, ...], known: dict[tuple[str, ...], LabelTrie | str]) -> LabelTrie | str:
        """The trie of a label list, or why there is none."""
        if labels not in known:
            try:
                known[labels] = label_trie(labels, [self.renderer.label_ids(label) for label in labels])
            except FinetrieError as error:
                known[labels] = str(error)
        return known[labels]

    def _completion(self, id: str, answer: Answer) -> Completion:
        if answer.error is not None:
            return Completion(id, seconds=answer.seconds, error=answer.error)
        return Completion(
            id,
            text=self.renderer.completion(answer.said),
            token_ids=tuple(answer.said),
            finished=answer.finished,
            log_probability=answer.log_probability,
            seconds=answer.seconds,
        )

    def _label_scores(self, id: str, row: Scored, answer: Answer | None, question: Question) -> LabelScores:
        error = row.error or (answer.error if answer is not None else None)
        seconds = row.seconds + (answer.seconds if answer is not None else 0.0)
        if error is not None:
            return LabelScores(id, seconds=seconds, error=error)
        wants = question.decodings
        free, finished = None, None
        if "free" in wants:
            said, _, finished = row.free_path(self._stop_ids, question.limit(row))
            if answer is not None:
                said, finished = answer.said, answer.finished
            free = self.renderer.completion(said)
        constrained = row.trie.leaves.index(row.constrained_end()) if "constrained" in wants else None
        spread = "probabilities" in wants
        return LabelScores(
            id,
            argmax=row.best if "argmax" in wants else None,
            constrained=None if constrained is None else row.trie.labels[constrained],
            free=free,
            free_finished=finished,
            probabilities=row.probabilities if spread else {},
            log_probability=row.known,
            mass=row.mass if spread else None,
            undecided=scoring.undecided(row) if spread else 0.0,
            seconds=seconds,
        )


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Eval mode without gradients; every module is left in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True
