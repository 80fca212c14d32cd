"""Which characters a file's bytes stand for: found by looking, or checked when the user names it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from finetrie.errors import DataError, suggest

BLOCK = 1 << 20
HEAD = 1 << 16

_MARKS = (  # UTF-32's mark begins with UTF-16's, so it is asked first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "ascii": "utf-8"}
_USUAL = ("utf-8", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "big5", "latin-1", "cp1252", "shift_jis")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The name of an encoding, and whether all of the file is valid in it."""

    name: str  # as Python's codecs call it
    clean: bool = True  # False: single lines hold other bytes; they become bad rows
    notice: str | None = None

    @property
    def errors(self) -> str:
        """How to open the file: stray bytes become characters that `rows.undecodable` finds again."""
        return "strict" if self.clean else "surrogateescape"


def find_encoding(path: Path, asked: str = "auto") -> Encoding:
    """The encoding of a file: `asked`, once the file has been seen to be in it, or the one that fits.

    A byte-order mark decides. Without one the file is UTF-16 when its zero bytes all stand on one side of each
    pair, UTF-8 when it is valid UTF-8 (single lines may fail: they are bad rows), and GB18030 when it is valid
    GB18030 and reads as Chinese: seven in ten of its non-ASCII characters are in GB 2312. That last step is a
    guess, so it comes with a notice. Reads the file once or twice in blocks; memory stays constant.

    Raises:
        DataError: no encoding fits, or the one asked for does not.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    marked = marked or _zero_bytes(head)
    if asked.lower() != "auto":
        return _checked(path, asked, marked)
    if marked:
        line = first_undecodable(path, marked)
        if line is None:
            return Encoding(marked)
        if marked != "utf-8-sig":
            raise DataError(path, line, f"not valid {marked}, as the file begins", fix="save the file as UTF-8")
        return Encoding(marked, clean=False)
    return _by_content(path)


def first_undecodable(path: Path, name: str) -> int | None:
    """The first line that is not valid in the encoding `name`, or None."""
    decoder = codecs.getincrementaldecoder(name)()
    line = 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].decode(name, "replace").count("\n")
            except UnicodeError:  # UTF-16 asked for, and no byte-order mark
                return line
            line += text.count("\n")
            if not block:
                return None


def _zero_bytes(head: bytes) -> str | None:
    """UTF-16 without a mark: ASCII characters such as line feeds and quotes leave zeros on one side only."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(4, len(head) / 50) or min(even, odd) * 20 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return None
    return name


def _by_content(path: Path) -> Encoding:
    line = first_undecodable(path, "utf-8")
    if line is None:
        return Encoding("utf-8")
    valid, invalid, sample = _non_ascii_lines(path)
    if valid >= 9 * invalid or (invalid == 1 and _cut_at_the_end(path)):
        return Encoding("utf-8", clean=False)
    if first_undecodable(path, "gb18030") is None and _reads_as_chinese(sample):
        return Encoding("gb18030", notice=f"{path.name}: read as GB18030, which was guessed (it is not UTF-8)")
    raise DataError(
        path,
        line,
        "the encoding is not UTF-8, UTF-16 or GB18030",
        fix='save the file as UTF-8, or name its encoding: data.encoding = "big5"',
    )


def _non_ascii_lines(path: Path) -> tuple[int, int, list[bytes]]:
    """How many lines beyond ASCII are UTF-8, how many are not, and up to 1,000 of the latter."""
    valid = invalid = 0
    sample: list[bytes] = []
    for line in _byte_lines(path):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            valid += 1
        except UnicodeDecodeError:
            invalid += 1
            if len(sample) < 1000:
                sample.append(line[:HEAD])
    return valid, invalid, sample


def _byte_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from stream


def _cut_at_the_end(path: Path) -> bool:
    """Whether the file is UTF-8 up to a last character that is not complete."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while block := stream.read(BLOCK):
                decoder.decode(block)
        except UnicodeDecodeError:
            return False
    return True


def _reads_as_chinese(lines: list[bytes]) -> bool:
    """GB18030 accepts nearly all bytes, so what it says must also be usual Chinese: mostly GB 2312."""
    beyond = [c for line in lines for c in line.decode("gb18030", "ignore") if not c.isascii()]
    usual = sum(bool(c.encode("gb2312", "ignore")) for c in islice(beyond, 100_000))
    return bool(beyond) and usual >= 0.7 * min(len(beyond), 100_000)


def _checked(path: Path, asked: str, marked: str | None) -> Encoding:
    """The encoding the user named, once the file has been seen to be in it."""
    try:
        name = codecs.lookup(asked).name
        codecs.getincrementaldecoder(name)()  # a codec for text, not for bytes such as base64
        "a".encode(name)
    except (LookupError, TypeError, ValueError):
        raise DataError(
            path,
            None,
            f"data.encoding: no encoding {asked!r}{suggest(asked, _USUAL)} (usual: {', '.join(_USUAL)})",
            fix='leave it out, or set data.encoding = "auto"',
        ) from None
    name = _SUPERSETS.get(name, name)
    if marked and marked.split("-")[:2] == name.split("-")[:2]:
        name = marked
    line = first_undecodable(path, name)
    if line is not None:
        raise DataError(
            path,
            line,
            f"not valid {asked}, which data.encoding names",
            fix='set data.encoding = "auto" to have it found',
        )
    if not name.startswith("utf-8") and _is_utf8_with_han(path):
        raise DataError(
            path, None, f"the file is UTF-8, data.encoding says {asked}", fix='set data.encoding = "utf-8" or "auto"'
        )
    return Encoding(name)


def _is_utf8_with_han(path: Path) -> bool:
    """UTF-8 of Chinese characters is valid by chance in no other encoding's texts."""
    if first_undecodable(path, "utf-8") is not None:
        return False
    with path.open(encoding="utf-8") as stream:
        return any("\u4e00" <= c <= "\u9fff" for line in islice(stream, 1000) if not line.isascii() for c in line)
