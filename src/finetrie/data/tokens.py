"""Tokens with tags, one a line: CoNLL files as records, and texts as tokens and back.

Chinese characters join without a space, other words with one. In a Chinese sentence, and in one where every token is
a single character, nothing stands between single characters: the digits of 2019 and the letters of NBA belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from finetrie.data.encoding import Encoding
from finetrie.data.rows import BadRow, Record, undecodable
from finetrie.records import Span

TAG = re.compile(r"(?P<place>[BIMESLUW])[-_](?P<label>.+)", re.DOTALL)
SCHEMES = {  # letters for the first token, those between, the last, and a token alone
    "BIO": "BIIB",
    "BMES": "BMES",
    "BIOES": "BIES",
}
_SPACED = re.compile(" +")  # other white space, such as U+3000, may be a token
_CJK = re.compile(  # written without spaces: Han, kana, bopomofo, and CJK and full-width punctuation
    "[\u2e80-\u2fff\u3001-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)


def token_lines(path: Path, encoding: Encoding) -> Iterator[Record]:
    """One record a sentence: `{"tokens", "tags"}`, with the line it begins on; blank lines end sentences.

    The first field of a line is the token and the last its tag; tabs or spaces stand between. `-DOCSTART-` lines and
    comments (`# ...` without a tag) are no tokens. A line that is no token makes its sentence a bad row.
    """
    sentence: list[tuple[int, str]] = []
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            line = (line.lstrip("\ufeff") if number == 1 else line).rstrip("\r\n")
            if not line.strip(" \t") or line.startswith("-DOCSTART-"):
                if sentence:
                    yield _sentence(sentence, encoding)
                sentence = []
            elif not (line.startswith("#") and _is_comment(line)):
                sentence.append((number, line))
    if sentence:
        yield _sentence(sentence, encoding)


def looks_like_tokens(begin: str) -> bool:
    """Whether the beginning of a file is tokens with tags: nine lines in ten end in a tag, and one names a label."""
    lines = [line for line in begin.split("\n")[:500] if line.strip()]
    lines = [line for line in lines if not line.startswith("-DOCSTART-") and not _is_comment(line)]
    tags = [fields(line.rstrip("\r"))[1] for line in lines]
    return sum(map(_is_tag, tags)) * 10 >= len(tags) * 9 and any(TAG.fullmatch(tag) for tag in tags)


def fields(line: str) -> tuple[str, str]:
    """Token and tag of a line; a token that is itself a space comes back as "" or as that space; no tag is ""."""
    line = line.rstrip(" \t")
    parts = line.split("\t") if "\t" in line else _SPACED.split(line)
    return (parts[0], parts[-1].strip()) if len(parts) > 1 else (line, "")


def joined(tokens: Sequence[str]) -> tuple[str, list[int]]:
    """The text of a sentence, and where in it each token begins; a token that is "" stands for a space."""
    by_character = all(len(token) <= 1 for token in tokens)
    chinese = any(_CJK.match(token) for token in tokens)
    text, starts = "", []
    for before, token in zip(["", *tokens], tokens, strict=False):
        single = len(before) <= 1 and len(token) <= 1
        glued = by_character or (chinese and single) or not before.strip() or not token.strip()
        if not (glued or _CJK.match(before[-1]) or _CJK.match(token[0])):
            text += " "
        starts.append(len(text))
        text += token or " "
    return text, starts


def entities(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First token, last token and label of each entity.

    Reads BIO, IOB1, BMES, BIOES and BILOU alike, as conlleval does: an entity begins at B, S, U or W, and also at a
    tag that cannot continue the one before it.

    Raises:
        BadRow: a tag of none of these schemes.
    """
    first, open_label = 0, None
    for i, tag in enumerate(tags):
        found = TAG.fullmatch(tag)
        if found is None and tag not in ("O", "o"):
            raise BadRow(
                "bad_tag",
                f"{tag!r} is no tag; expected O, or a label behind B-, I-, M-, E- or S-",
                fix="correct the tag, or check that the last field of each line is the tag",
            )
        place, label = (found["place"], found["label"]) if found else ("O", None)
        if open_label is not None and (label != open_label or place in "BSUW"):
            yield first, i - 1, open_label
            open_label = None
        if label is not None and open_label is None:
            first, open_label = i, label
        if open_label is not None and place in "ESLUW":
            yield first, i, open_label
            open_label = None
    if open_label is not None:
        yield first, len(tags) - 1, open_label


def tokenised(text: str, spans: Sequence[Span], scheme: str) -> tuple[list[str], list[str]]:
    """A text as tokens and their tags.

    Chinese characters are tokens of their own. Everything else is cut at white space and at the borders of entities,
    and into single characters where the text is Chinese without any white space: that joins again as it was. Of
    entities that overlap, the one that begins first and reaches furthest is tagged.
    """
    tagged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not tagged or span.start >= tagged[-1].end:
            tagged.append(span)
    pieces = _pieces(text, {border for span in tagged for border in (span.start, span.end)})
    tags = ["O"] * len(pieces)
    begin, inside, end, single = tuple(SCHEMES[scheme])
    position = 0
    for span in tagged:
        while position < len(pieces) and pieces[position][0] < span.start:
            position += 1
        first = position
        while position < len(pieces) and pieces[position][1] <= span.end:
            tags[position] = f"{inside}-{span.label}"
            position += 1
        if position > first:
            tags[first] = f"{begin}-{span.label}"
            tags[position - 1] = f"{end if position - first > 1 else single}-{span.label}"
    return [text[start:stop] for start, stop in pieces], tags


def _pieces(text: str, borders: set[int]) -> list[tuple[int, int]]:
    by_character = _CJK.search(text) is not None and not any(char.isspace() for char in text)
    pieces: list[tuple[int, int]] = []
    begins_token = True
    for i, char in enumerate(text):
        if char.isspace():
            begins_token = True
            continue
        alone = by_character or _CJK.match(char) is not None
        if begins_token or alone or i in borders:
            pieces.append((i, i + 1))
        else:
            pieces[-1] = (pieces[-1][0], i + 1)
        begins_token = alone
    return pieces


def _sentence(lines: Sequence[tuple[int, str]], encoding: Encoding) -> Record:
    tokens, tags = [], []
    for number, line in lines:
        if not encoding.clean and (bad := undecodable(line, encoding.name)):
            return Record(number, line, bad)
        token, tag = fields(line)
        if not tag:
            return Record(
                number,
                line,
                BadRow("missing_tag", f"no tag behind {line!r}", fix="write the token, a tab or space, and its tag"),
            )
        tokens.append(token)
        tags.append(tag)
    return Record(lines[0][0], {"tokens": tokens, "tags": tags})


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not _is_tag(fields(line.rstrip("\r"))[1])


def _is_tag(tag: str) -> bool:
    return tag == "O" or TAG.fullmatch(tag) is not None
