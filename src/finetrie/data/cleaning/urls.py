"""The step for web addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finetrie.data.cleaning import STEPS
from finetrie.data.edits import Edit
from finetrie.errors import ConfigError

# Chinese text runs on after an address without a space, so only the ASCII characters of RFC 3986 belong to one.
_URL = re.compile(
    r"(?<![0-9A-Za-z@])(?:(?:https?|ftp)://|www\.)(?=[0-9A-Za-z\[])[0-9A-Za-z\-._~:/?#\[\]@!$&'()*+,;=%]+",
    re.IGNORECASE,
)


@STEPS.register("urls")
@dataclass(frozen=True, slots=True)
class Urls:
    """Web addresses (http, https, ftp, www.) go, or become a token such as "[URL]".

    Punctuation after an address stays, as do the Chinese words that follow it; so a path with unescaped Chinese
    characters is cut before them. Bare domains ("example.com") stay: too much looks like one.
    """

    replace_by: str = ""

    def __post_init__(self) -> None:
        if _URL.search(self.replace_by):
            raise ConfigError(f"urls: replace_by = {self.replace_by!r} is an address itself", fix='take "[URL]"')

    def __call__(self, text: str) -> tuple[Edit, ...]:
        return tuple(Edit(start, end, self.replace_by) for start, end in _addresses(text))


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _URL.finditer(text):
        found, length = match.group(), len(match.group())
        opened = found.count("(") - found.count(")")
        while found[length - 1] in ".,;:!?'" or (found[length - 1] == ")" and opened < 0):
            opened += found[length - 1] == ")"
            length -= 1
        yield match.start(), match.start() + length
