"""The page's sentences, by key, in the language of the reader."""

from __future__ import annotations

import sys
from functools import cache
from importlib import resources
from typing import Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = ("en", "zh")

CATALOGUES = ("messages.toml", "messages_curve.toml")
"""A key stands in one of them: a page's own sentences beside each other."""


@cache
def messages() -> dict[str, dict[str, str]]:
    """The catalogues: key -> language -> sentence."""
    catalogue: dict[str, dict[str, str]] = {}
    for name in CATALOGUES:
        catalogue |= tomllib.loads(resources.files("finetrie.reports").joinpath(name).read_text("utf-8"))
    return catalogue


class Words:
    """The messages of one language: `words("accuracy")`, values filled in by name."""

    def __init__(self, language: Language) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"report language {language!r}; expected one of {', '.join(LANGUAGES)}")
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        return messages()[key][self.language].format(**values)

    def or_key(self, prefix: str, key: object) -> str:
        """The message `prefix` + `key`, or `key` itself where there is none (a plug-in's name)."""
        message = messages().get(f"{prefix}{key}")
        return str(key) if message is None else message[self.language]
