"""What a kind of personal data is, and the register of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from finetrie.registry import Registry


@dataclass(frozen=True, slots=True)
class Match:
    """`text[start:end]` is of some kind; `checked`: it passed a test that few other characters of its shape pass."""

    start: int
    end: int
    checked: bool


def compact(value: str) -> str:
    """Letters and digits only, in lower case: how a number is written makes no difference."""
    return "".join(character for character in value if character.isalnum()).casefold()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of personal data: how it is found, compared and replaced.

    `find` and `key` see texts in half width (see `widths.half_width`).
    """

    tag: tuple[str, str]  # what a surrogate calls it, in Chinese and in English
    evidence: str  # what makes a match believed
    find: Callable[[str], Iterator[Match]]
    fake: Callable[[str, int], str] | None = None  # (value, number) → the same shape, but nobody's; None: only tags
    key: Callable[[str], str] = compact  # equal for two ways to write the same value
    digits: int = 0  # a text with fewer ASCII digits holds none of the kind; the search is saved
    precedence: int = 0  # of equally long readings of the same characters, the one with the highest stays

    @property
    def about(self) -> str:
        """One line for `finetrie info`."""
        return f"{self.tag[0]}: {self.evidence}"


KINDS: Registry[Kind] = Registry(
    "personal_data",
    builtin=tuple(f"finetrie.data.privacy.{family}" for family in ("persons", "accounts", "contact", "network")),
)
"""Name → kind, built-in and from plug-ins (entry points of the group `finetrie.personal_data`)."""


@cache
def kind_named(name: str) -> Kind:
    """The kind of this name; remembered, because every row asks for all of them.

    Raises:
        UnknownName: no such kind.
    """
    return KINDS.get(name)


ALL = (
    "id_card",
    "passport",
    "travel_permit",
    "number_plate",
    "medical_record",
    "mobile",
    "landline",
    "email",
    "bank_card",
    "credit_code",
    "ip",
    "url",
    "name",
    "address",
)
"""The built-in kinds."""

BY_MODEL = ("name", "address")
"""Those that only an entity model finds."""
