"""Prompts as plain text with named places, in Chinese and English, to be replaced by the user's own files."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetrie.errors import ConfigError, suggest
from finetrie.files import text_hash
from finetrie.records import Message

Language = Literal["zh", "en"]

NOTHING_FOUND: dict[Language, str] = {"zh": "没有找到任何实体", "en": "No entities found"}
"""What a model answers when a text holds no entity."""

_PLACE = re.compile(r"\{([A-Za-z_]+)\}")
_SECTION = re.compile(r"^\[(system|user)\][ \t]*\n", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Template:
    """A question with named places such as `{text}`. Braces around anything but a name, as in JSON, are just braces."""

    user: str
    system: str = ""
    origin: str = "template"  # the file it was read from; errors show it

    def check(self, places: Collection[str], *, needed: Collection[str] = ("text",)) -> Template:
        """The template itself, once every place in it is one of `places` and all `needed` ones are there.

        Raises:
            ConfigError: a place that nothing fills, or the text is asked for nowhere.
        """
        used = set(_PLACE.findall(self.system)) | set(_PLACE.findall(self.user))
        listed = ", ".join(f"{{{place}}}" for place in places)
        for place in sorted(used - set(places)):
            raise ConfigError(
                f"{self.origin}: nothing fills {{{place}}}{suggest(place, places)}", fix=f"places to fill: {listed}"
            )
        for place in sorted(set(needed) - used):
            raise ConfigError(
                f"{self.origin}: {{{place}}} is missing, so the model would not see it", fix=f"add {{{place}}}"
            )
        return self

    def messages(self, **values: str) -> list[Message]:
        """The conversation with every place filled. What is filled in is never searched for places again."""

        def fill(content: str) -> str:
            return _PLACE.sub(lambda place: values[place.group(1)], content)

        asked: list[Message] = [{"role": "user", "content": fill(self.user)}]
        return [{"role": "system", "content": fill(self.system)}, *asked] if self.system else asked

    def text(self) -> str:
        """The template as a file that `read_template` reads."""
        return (f"[system]\n{self.system}\n\n" if self.system else "") + f"[user]\n{self.user}\n"

    @property
    def hash(self) -> str:
        """SHA-256 of the words, not of where they were read from."""
        return text_hash(self.system, self.user)


def read_template(path: Path | str) -> Template:
    """A template from a UTF-8 text file: the user's message, or both parts under lines `[system]` and `[user]`.

    Raises:
        ConfigError: the file cannot be read, is empty, or has a part twice or outside both.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", fix="name a UTF-8 text file") from error
    before, *sections = _SECTION.split(content if content.endswith("\n") else content + "\n")
    parts = {"user": before.strip()} if not sections else {}
    for name, words in zip(sections[::2], sections[1::2], strict=True):
        if name in parts or before.strip():
            problem = f"a second [{name}]" if name in parts else "words before the first [system] or [user]"
            raise ConfigError(f"{path}: {problem}", fix="write [system] and [user] at most once, and nothing before")
        parts[name] = words.strip()
    if not parts.get("user"):
        raise ConfigError(f"{path}: the question is empty", fix="write it under a line [user]")
    return Template(parts["user"], parts.get("system", ""), origin=str(path))


# Instructions and label lists stand first, and are the same for all rows: servers charge less for a known beginning.
DEFAULTS: dict[tuple[str, Language], Template] = {
    ("question", "zh"): Template(
        system=(
            "你为训练数据撰写提问。给你一段文本，请写出一个提问或指令，使这段文本恰好是对它的完整回答。\n"
            "要求：只输出提问本身，不加解释、引号或标题；提问脱离文本也能读懂，不说“上文”“这段文本”；"
            "不照抄文本中的句子；使用与文本相同的语言。"
        ),
        user="文本：\n{text}",
    ),
    ("question", "en"): Template(
        system=(
            "You write questions for training data. Given a text, write the one question or instruction "
            "to which the text is a complete answer.\n"
            "Write only the question, without explanation, quotes or heading. It must make sense without the text, "
            "so never say 'the text' or 'the passage'. Copy no sentence of the text. Use the language of the text."
        ),
        user="Text:\n{text}",
    ),
    ("label", "zh"): Template(
        system="判断文本属于哪一类。只回答下列类别之一，一字不差，不加解释。\n类别：\n{labels}", user="{text}"
    ),
    ("label", "en"): Template(
        system=(
            "Decide which label fits the text. Answer with exactly one of the labels below, "
            "word for word, and nothing else.\nLabels:\n{labels}"
        ),
        user="{text}",
    ),
    ("entities", "zh"): Template(
        system=(
            '按出现顺序找出文本中的所有实体，每行输出一个 JSON：{"entity_text": "实体", "entity_label": "类型"}。\n'
            "entity_text 必须逐字取自文本；同一实体出现几次就写几行；entity_label 只能是下列类型之一；不加解释。"
            f"没有实体时只回答：{NOTHING_FOUND['zh']}\n类型：\n{{labels}}"
        ),
        user="{text}",
    ),
    ("entities", "en"): Template(
        system=(
            "List all entities of the text in order of appearance, one JSON object a line: "
            '{"entity_text": "words", "entity_label": "type"}.\n'
            "entity_text must be copied from the text letter by letter; an entity that occurs twice gets two lines; "
            "entity_label must be one of the types below. Add no explanation. "
            f"If there are none, answer only: {NOTHING_FOUND['en']}\nTypes:\n{{labels}}"
        ),
        user="{text}",
    ),
    ("paraphrase", "zh"): Template(
        system=(
            "改写文本：意思不变，换一种说法，语言不变，篇幅相近。列出的词语必须逐字保留，出现次数不增加。"
            "只输出改写后的文本，不加解释、引号或标题。"
        ),
        user="必须逐字保留的词语：{keep}\n\n文本：\n{text}",
    ),
    ("paraphrase", "en"): Template(
        system=(
            "Rewrite the text in other words: same meaning, same language, about the same length. Keep the listed "
            "words letter by letter, and use each no more often than the text does. "
            "Write only the new text, without explanation, quotes or heading."
        ),
        user="Words to keep: {keep}\n\nText:\n{text}",
    ),
}
