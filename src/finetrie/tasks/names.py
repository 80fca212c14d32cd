"""Labels and the words a model sees for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from finetrie.errors import ConfigError, suggest


def folded(text: str) -> str:
    """`text` without differences of width, composition and case: `folded("ＡＢ") == folded("ab")`."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


class Names:
    """A two-way map: label → words, and words → label.

    The way back is exact first, and forgives width, composition and case only where one label is meant.
    """

    def __init__(self, labels: Sequence[str], names: Mapping[str, str], *, builtin: Mapping[str, str] | None = None):
        """`names` overrides `builtin`, which overrides the label itself.

        Raises:
            ConfigError: a label twice, a name for an unknown label, or names that are empty, longer than
                a line, or shared by two labels. All problems stand in one message.
        """
        problems = [f"task.labels: {label!r} stands there twice" for label in sorted(_repeated(labels))]
        problems += [
            f"task.names: no label {label!r}{suggest(label, labels)} (labels: {', '.join(labels)})"
            for label in names
            if label not in labels
        ]
        self._words = {label: names.get(label, (builtin or {}).get(label, label)).strip() for label in labels}
        owner: dict[str, str] = {}
        for label, words in self._words.items():
            if not words:
                problems.append(f"task.names: the words for label {label!r} are empty")
            elif len(words.splitlines()) > 1:
                problems.append(f"task.names: the words for label {label!r} are longer than a line: {words!r}")
            elif words in owner:
                problems.append(f"task.names: labels {owner[words]!r} and {label!r} have the same words {words!r}")
            owner.setdefault(words, label)
        if problems:
            raise ConfigError("\n  ".join(problems), fix="give each label words of its own in task.names")
        self._labels = owner
        self._folded: dict[str, str | None] = {}
        for label, words in self._words.items():
            key = folded(words)
            self._folded[key] = None if key in self._folded else label

    def words(self, label: str) -> str:
        """What the model sees and says for `label`; a label outside the set stands for itself."""
        return self._words.get(label, label)

    def label(self, said: str) -> str | None:
        """The label that `said` names, or None. Surrounding white space does not count."""
        said = said.strip()
        return self._labels.get(said) or self._folded.get(folded(said))


def _repeated(labels: Sequence[str]) -> set[str]:
    return {label for label in labels if labels.count(label) > 1} if len(set(labels)) < len(labels) else set()
