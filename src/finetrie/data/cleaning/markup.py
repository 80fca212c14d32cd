"""The step that takes text out of HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from finetrie.data.cleaning import STEPS
from finetrie.data.cleaning.rewriting import replaced
from finetrie.data.edits import Edit

_BLOCK_NAMES = """
address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer
form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol optgroup option p pre search
section select summary table tbody textarea tfoot thead title tr ul
"""
_INLINE_NAMES = """
a abbr acronym applet area audio b base basefont bdi bdo big button canvas cite code col colgroup data datalist del dfn
em embed font frame i iframe img input ins kbd label link map mark marquee meta meter nobr noframes noscript object
output param picture progress q rp rt ruby s samp script slot small source span strike strong style sub sup svg template
time track tt u var video wbr
"""
_BLOCKS, _INLINE, _CELLS = frozenset(_BLOCK_NAMES.split()), frozenset(_INLINE_NAMES.split()), frozenset(("td", "th"))
_HIDDEN = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style")}
_COMMENT_END = re.compile("-->")

_ATTRIBUTE = r"""\s+(?:[^\s"'<>/=]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+)|(?:BARE)(?![\w-]))""".replace(
    "BARE",
    "allowfullscreen|async|autofocus|autoplay|checked|controls|default|defer|disabled|hidden|ismap|itemscope|loop|"
    "multiple|muted|nomodule|noshade|novalidate|nowrap|open|playsinline|readonly|required|reversed|selected",
)
_TAG = re.compile(rf"<(?P<slash>/?)(?P<name>[a-z][a-z0-9]*)(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
_DECLARATION = re.compile(r"<!doctype\b[^<>]*>|<\?xml\b[^<>]*\?>|<!\[(?:if|endif)\b[^<>]*>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")


@dataclass(frozen=True, slots=True)
class _Markup:
    """`text[start:end]` is markup; `kind` says what stands in its place."""

    start: int
    end: int
    kind: Literal["inline", "break", "block", "cell"]


@STEPS.register("html")
@dataclass(frozen=True, slots=True)
class Html:
    """Tags, comments, scripts and styles go, entities become their characters, blocks and `<br>` become line breaks.

    A tag is an element that HTML knows with attributes as HTML writes them, so "a < b", "3<5", "List<String>" and
    "<张三>" stay. Where mathematics looks like HTML ("a<b>c") it is taken for HTML.

    Cleaning twice is not cleaning once: text about HTML ("&lt;b&gt;") turns into HTML the first time. Once is right.
    """

    def __call__(self, text: str) -> tuple[Edit, ...]:
        if "<" not in text and "&" not in text:
            return ()
        edits: list[Edit] = []
        position = 0
        for edit in (*_without_markup(text), Edit(len(text), len(text), "")):
            between = replaced(_REFERENCE, text[position : edit.start], html.unescape)
            edits += [Edit(position + found.start, position + found.end, found.new) for found in between]
            edits.append(edit)
            position = edit.end
        return tuple(edits[:-1])


def _without_markup(text: str) -> Iterator[Edit]:
    for group in _groups(text):
        kinds = [markup.kind for markup in group]
        if not {"break", "block", "cell"} & set(kinds):
            yield from (Edit(markup.start, markup.end, "") for markup in group)
            continue
        start, end = _with_white_space(text, group[0].start, group[-1].end)
        at_border = start == 0 or end == len(text)
        lines = max(kinds.count("break"), "block" in kinds)
        yield Edit(start, end, "" if at_border else "\n" * lines or " ")


def _groups(text: str) -> Iterator[list[_Markup]]:
    """Markup with nothing but white space between."""
    group: list[_Markup] = []
    for markup in _markup(text):
        if group and not text[group[-1].end : markup.start].isspace() and group[-1].end != markup.start:
            yield group
            group = []
        group.append(markup)
    if group:
        yield group


def _markup(text: str) -> Iterator[_Markup]:
    """Markup from left to right. An end that was looked for once in vain is not looked for again: time is linear."""
    unclosed: set[str] = set()
    position = text.find("<")
    while position >= 0:
        markup = _comment(text, position, unclosed) or _declaration(text, position) or _tag(text, position, unclosed)
        if markup:
            yield markup
        position = text.find("<", markup.end if markup else position + 1)


def _comment(text: str, start: int, unclosed: set[str]) -> _Markup | None:
    if not text.startswith("<!--", start) or "comment" in unclosed:
        return None
    end = _COMMENT_END.search(text, start + 4)
    if end is None:
        unclosed.add("comment")
    return end and _Markup(start, end.end(), "inline")


def _declaration(text: str, start: int) -> _Markup | None:
    found = _DECLARATION.match(text, start)
    return found and _Markup(start, found.end(), "block")


def _tag(text: str, start: int, unclosed: set[str]) -> _Markup | None:
    tag = _TAG.match(text, start)
    if tag is None:
        return None
    name, end = tag["name"].lower(), tag.end()
    if name in _HIDDEN and not tag["slash"] and name not in unclosed:
        closing = _HIDDEN[name].search(text, end)
        if closing is None:
            unclosed.add(name)
        else:
            end = closing.end()
    if name == "br":
        return _Markup(start, end, "break")
    if name in _BLOCKS:
        return _Markup(start, end, "block")
    if name in _CELLS:
        return _Markup(start, end, "cell")
    return _Markup(start, end, "inline") if name in _INLINE else None


def _with_white_space(text: str, start: int, end: int) -> tuple[int, int]:
    while start and text[start - 1].isspace():
        start -= 1
    while end < len(text) and text[end].isspace():
        end += 1
    return start, end
