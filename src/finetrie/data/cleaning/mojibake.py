"""The step that repairs text which was decoded by the wrong encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from finetrie.data.cleaning import STEPS
from finetrie.data.cleaning.rewriting import rewritten
from finetrie.data.edits import Edit

# White space, or before a character that UTF-8's first bytes turn into: the bytes of one character stay together.
_BOUNDARY = re.compile("(?<=[ \t])|(?=[\u00c2-\u00f4])")


@STEPS.register("mojibake")
@dataclass(frozen=True, slots=True)
class Mojibake:
    """UTF-8 read as Latin-1, Windows-1252 and their like is read again, as ftfy does: cafÃ© becomes café.

    Only that: ftfy's other repairs (width, quotes, ligatures, entities, line breaks, control characters) are off. It
    does not know GBK read as UTF-8 and the like (锟斤拷, 烫烫烫), where the bytes are lost: read such a file again with
    the right encoding.
    """

    def __post_init__(self) -> None:
        _ftfy()  # loaded once, before the first row

    def __call__(self, text: str) -> tuple[Edit, ...]:
        if text.isascii():
            return ()
        repair, config = _ftfy()
        return rewritten(text, lambda piece: str(repair(piece, config).text), _BOUNDARY)


@cache
def _ftfy() -> tuple[Any, Any]:
    # fix_text and fix_encoding would do, but without an explanation they lose the settings (ftfy 6.3).
    from ftfy import TextFixerConfig, fix_encoding_and_explain

    # U+0085 is a line break in files of today, not the three dots of Windows-1252.
    return fix_encoding_and_explain, TextFixerConfig(fix_c1_controls=False)
