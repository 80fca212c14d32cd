"""An entity model that is asked about many texts at a time, as language models like to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from finetrie.records import Span

EntityModel: TypeAlias = Callable[[str], Sequence[Span]]

AskMany: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[Span]]]
"""Texts → the entities of each, in order. Any finetrie run that finds entities can be one."""


class Foreseen:
    """An `EntityModel` that answers from what it was told to expect, and asks about other texts one by one."""

    def __init__(self, ask: AskMany) -> None:
        self._ask = ask
        self._known: dict[str, Sequence[Span]] = {}

    def foresee(self, texts: Iterable[str]) -> None:
        """Ask at once about those of the texts that are not known yet."""
        new = [text for text in dict.fromkeys(texts) if text and text not in self._known]
        if new:
            self._known.update(zip(new, self._ask(new), strict=True))

    def forget(self) -> None:
        self._known.clear()

    def __call__(self, text: str) -> Sequence[Span]:
        if text and text not in self._known:
            self._known[text] = self._ask([text])[0]
        return self._known.get(text, ())
