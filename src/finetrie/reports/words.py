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


@cache
def messages() -> dict[str, dict[str, str]]:
    """The catalogue, `messages.toml`: key -> language -> sentence."""
    text = resources.files("finetrie.reports").joinpath("messages.toml").read_text("utf-8")
    catalogue: dict[str, dict[str, str]] = tomllib.loads(text)
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
