"""The unit a file's entity offsets are in, found row by row, without keeping the rows."""

from __future__ import annotations

from finetrie.data.formats.base import Marked
from finetrie.data.offsets import CODE_POINTS, UNITS, Unit, is_basic, is_settled, verifies

_UTF16 = next(unit for unit in UNITS if unit.utf16)


class UnitSearch:
    """Add every row's entities; `unit` then says what the file counts in.

    Where failing rows give their words, the rule is that of `finetrie.data.offsets.unit_of`. Where they do not, as in
    doccano's exports, only UTF-16 is considered: every row that fails in code points must hold a character beyond the
    basic plane, and every row of the file must fit in UTF-16.
    """

    def __init__(self) -> None:
        self.words_agree = False  # a row that fails in code points gives its words
        self._settled = self._failing = self._failing_basic = False
        self._left = [unit for unit in UNITS if unit is not CODE_POINTS]

    def add(self, text: str, marked: tuple[Marked, ...]) -> None:
        if is_settled(text, marked):
            self._settled = self._settled or bool(marked)
            return
        if not verifies(text, marked):
            self._failing = True
            self._failing_basic = self._failing_basic or is_basic(text)
            self.words_agree = self.words_agree or any(entity.surface is not None for entity in marked)
        self._left = [unit for unit in self._left if verifies(text, marked, unit)]

    def unit(self) -> Unit:
        if not self._failing:
            return CODE_POINTS
        if not self.words_agree:
            return _UTF16 if _UTF16 in self._left and not self._failing_basic else CODE_POINTS
        return next((u for u in self._left if not (self._settled and (u.first or u.last))), CODE_POINTS)
