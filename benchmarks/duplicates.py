"""Duplicates among 200,000 headlines: seconds, peak memory, and what became of planted edits and planted traps.

    OMP_NUM_THREADS=2 python benchmarks/duplicates.py --out benchmarks/results/duplicates.json

Headlines are clauses of TNEWS, Fudan and CCF, joined at random, so that most of them share a clause with others.
Planted edits say the same with the same label: one character substituted, deleted or inserted; three characters; two
clauses swapped. They should be dropped, or else be reported. Planted traps look alike and say something else: another
entity (from the annotation of CCF, which the search does not see), 不, 没 or 未 inserted, or another label. None of
them may be dropped. `unplanted` are drops nobody planted; the first are printed for the eye.

The second part searches the annotated CCF rows themselves, with the same edits outside of entities and another entity
as the trap.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from finetrie.data.duplicates import Duplicates, find_duplicates
from finetrie.data.reading import read
from finetrie.files import write_json
from finetrie.records import Example, Span

ROOT = Path(__file__).parents[1]
CLAUSE = re.compile(r"[^，。！？；：、,.!?;:\s…“”《》（）()\"]+")
HAN = re.compile("[\u4e00-\u9fff]")
LABELS = tuple(f"class {i}" for i in range(15))
EDITS = ("one character", "three characters", "swapped clauses")
TRAPS = ("another entity", "negation", "another label")


@dataclass(frozen=True)
class Planted:
    """A pair of rows by their ids, of which the second was made from the first."""

    kind: str
    original: str
    made: str


def main() -> None:
    options = _options()
    draw = random.Random(options.seed)
    started = perf_counter()
    rows, planted = headlines(options.shared, rows=options.rows, each=options.planted, draw=draw)
    print(f"{len(rows)} headlines made in {perf_counter() - started:.0f} s")
    record: dict[str, Any] = {
        "benchmark": "duplicates",
        "python": platform.python_version(),
        "machine": platform.processor() or platform.machine(),
        "headlines": _measure(rows, planted, kind="classification", show=options.show),
    }
    rows, planted = annotated(options.shared, draw=draw)
    record["annotated"] = _measure(rows, planted, kind="ner", show=options.show)
    if options.out:
        write_json(options.out, record)
    else:
        print(json.dumps(record, ensure_ascii=False, indent=2))


def headlines(shared: Path, *, rows: int, each: int, draw: random.Random) -> tuple[list[Example], list[Planted]]:
    """`rows` classified headlines in random order, and `each` planted pairs of every kind among them."""
    texts = _texts(shared)
    clauses = sorted({clause for text in texts for clause in CLAUSE.findall(text) if _fits(clause)})
    letters = [letter for text in texts for letter in HAN.findall(text)]
    bases = _distinct(lambda: _headline(clauses, draw), rows - each * 7, set())
    sentences = sorted({e.text: e for e in _ccf(shared) if e.target and 10 <= len(e.text) <= 60}.values(), key=_text)
    pool = _surfaces(_ccf(shared))
    made = [Example(f"base {i}", text, _label(text), f"base:{i}") for i, text in enumerate(bases)]
    planted: list[Planted] = []
    chosen = iter(draw.sample([e for e in made if "，" in e.text], each * 5))
    makers: dict[str, Callable[[str], str]] = {
        "one character": lambda text: edited(text, 1, letters, draw),
        "three characters": lambda text: edited(text, 3, letters, draw),
        "swapped clauses": lambda text: "，".join(reversed(text.split("，"))),
        "negation": lambda text: negated(text, draw),
        "another label": lambda text: edited(text, 1, letters, draw),
    }
    for kind, maker in makers.items():
        for _ in range(each):
            base = next(chosen)
            label = LABELS[(LABELS.index(str(base.target)) + 1) % 15] if kind == "another label" else base.target
            made.append(replace(base, id=f"{kind} {len(made)}", text=maker(base.text), target=label))
            planted.append(Planted(kind, base.id, made[-1].id))
    for sentence in draw.sample(sentences, each):
        label = _label(sentence.text)
        made.append(Example(f"sentence {len(made)}", sentence.text, label, sentence.origin))
        made.append(Example(f"another {len(made)}", renamed(sentence, pool, draw).text, label, sentence.origin))
        planted.append(Planted("another entity", made[-2].id, made[-1].id))
    draw.shuffle(made)
    return made, planted


def annotated(shared: Path, *, draw: random.Random) -> tuple[list[Example], list[Planted]]:
    """The CCF rows, with an edit outside of the entities for some and another entity for others."""
    rows = list(_ccf(shared))
    letters = [letter for row in rows for letter in HAN.findall(row.text)]
    pool = _surfaces(rows)
    made = [replace(row, id=f"row {i}") for i, row in enumerate(rows)]
    unique = sorted({e.text: e for e in made if e.target and 10 <= len(e.text) <= 60}.values(), key=_text)
    planted: list[Planted] = []
    for place, row in enumerate(draw.sample(unique, 1500)):
        kind = (*EDITS[:2], "another entity")[place % 3]
        new = renamed(row, pool, draw) if place % 3 == 2 else _edited_outside(row, (1, 3)[place % 3], letters, draw)
        made.append(replace(new, id=f"{kind} {place}"))
        planted.append(Planted(kind, row.id, made[-1].id))
    draw.shuffle(made)
    return made, planted


def edited(text: str, times: int, letters: list[str], draw: random.Random) -> str:
    """`times` characters substituted, deleted or inserted, at different places."""
    characters = list(text)
    for place in sorted(draw.sample([i for i, c in enumerate(text) if HAN.match(c)], times), reverse=True):
        how, letter = draw.randrange(3), draw.choice(letters)
        if how == 0:
            characters[place] = letter if letter != characters[place] else "啰"
        elif how == 1:
            del characters[place]
        else:
            characters.insert(place, letter)
    return "".join(characters)


def negated(text: str, draw: random.Random) -> str:
    place = draw.choice([i for i in range(1, len(text)) if HAN.match(text[i]) and HAN.match(text[i - 1])])
    return text[:place] + draw.choice("不没未") + text[place:]


def renamed(row: Example, pool: dict[str, list[str]], draw: random.Random) -> Example:
    """The row with one entity in the place of which stands another one of its label."""
    spans = [span for span in row.target or () if isinstance(span, Span)]
    span = draw.choice(spans)
    old = row.text[span.start : span.end]
    new = draw.choice([surface for surface in pool[span.label] if surface != old])
    grown = len(new) - len(old)
    moved = tuple(
        Span(s.start, s.end + grown, s.label)
        if s == span
        else Span(s.start + grown, s.end + grown, s.label)
        if s.start >= span.end
        else s
        for s in spans
    )
    return replace(row, text=row.text[: span.start] + new + row.text[span.end :], target=moved)


def _edited_outside(row: Example, times: int, letters: list[str], draw: random.Random) -> Example:
    """`times` characters substituted where no entity stands, so that the offsets stay."""
    spans = [span for span in row.target or () if isinstance(span, Span)]
    free = [i for i, c in enumerate(row.text) if HAN.match(c) and not any(span.start <= i < span.end for span in spans)]
    characters = list(row.text)
    for place in draw.sample(free, min(times, len(free))):
        letter = draw.choice(letters)
        characters[place] = letter if letter != characters[place] else "啰"
    return replace(row, text="".join(characters))


def _measure(rows: list[Example], planted: list[Planted], *, kind: str, show: int) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = perf_counter()
    found = find_duplicates(rows, kind=kind)
    seconds = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = _outcomes(rows, planted, found)
    pairs = {frozenset((pair.original, pair.made)) for pair in planted}
    unplanted = [match for match in found.drops if frozenset((match.row.id, match.partner.id)) not in pairs]
    result = {
        "rows": len(rows),
        "seconds": round(seconds, 1),
        "peak_mb": round(peak / 1024),
        "peak_mb_before": round(before / 1024),
        "drops": len(found.drops),
        "conflicts": len(found.conflicts),
        "kept": len(found.kept),
        "similar": found.similar,
        "notices": list(found.notices),
        "planted": outcomes,
        "traps_dropped": sum(counts.get("dropped", 0) for name, counts in outcomes.items() if name in TRAPS),
        "unplanted_drops": len(unplanted),
        "unplanted_rules": dict(Counter(f"{match.found} {match.difference.sign}" for match in unplanted)),
    }
    print(json.dumps(result, ensure_ascii=False, indent=2))
    for match in unplanted[:show]:
        print(f"  dropped  {match.row.text}\n  for      {match.partner.text}\n           {match.reason}")
    return result


def _outcomes(rows: list[Example], planted: list[Planted], found: Duplicates) -> dict[str, dict[str, Any]]:
    """For each kind: pairs dropped, in conflict, kept, not reported, or reported for another row than their own."""
    place = {row.id: i for i, row in enumerate(rows)}
    by_pair = {
        name: {frozenset((match.row.id, match.partner.id)): match for match in matches}
        for name, matches in (("dropped", found.drops), ("conflict", found.conflicts), ("kept", found.kept))
    }
    gone = {match.row.id for match in (*found.drops, *found.conflicts, *found.kept)}
    counts: dict[str, Counter[str]] = {}
    signs: dict[str, Counter[str]] = {}
    for pair in planted:
        ids = frozenset((pair.original, pair.made))
        outcome = next((name for name, matches in by_pair.items() if ids in matches), "")
        if not outcome:
            later = max(ids, key=place.__getitem__)
            outcome = "for another row" if later in gone else "not reported"
        counts.setdefault(pair.kind, Counter())[outcome] += 1
        if outcome in by_pair:
            match = by_pair[outcome][ids]
            signs.setdefault(pair.kind, Counter())[f"{outcome}: {match.difference.sign}"] += 1
            if outcome == "dropped" and pair.kind in TRAPS:
                print(f"  TRAP ({pair.kind}) {match.row.text}\n       {match.partner.text}\n       {match.reason}")
    return {
        kind: {**tally, "recall": round(1 - tally["not reported"] / tally.total(), 4), "signs": dict(signs[kind])}
        for kind, tally in counts.items()
    }


def _texts(shared: Path) -> list[str]:
    files = [f"tnews/{part}.jsonl" for part in ("train", "dev", "test")]
    files += [f"{name}/{part}.jsonl" for name in ("fudan_news", "ccfbdci_ner") for part in ("train", "test")]
    return [example.text for file in files for example in read(shared / "data" / file).examples]


def _ccf(shared: Path) -> Iterator[Example]:
    for part in ("train", "test"):
        yield from read(shared / "data" / "ccfbdci_ner" / f"{part}.jsonl").examples


def _surfaces(rows: Iterable[Example]) -> dict[str, list[str]]:
    """Label → the words of its entities, once each."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for span in row.target or ():
            if isinstance(span, Span):
                found.setdefault(span.label, set()).add(row.text[span.start : span.end])
    return {label: sorted(surfaces) for label, surfaces in found.items()}


def _headline(clauses: list[str], draw: random.Random) -> str:
    parts = [draw.choice(clauses)]
    while len("，".join(parts)) < 18 or (len(parts) < 3 and draw.random() < 0.3):
        parts.append(draw.choice(clauses))
    return "，".join(parts)


def _distinct(make: Callable[[], str], count: int, seen: set[str]) -> list[str]:
    while len(seen) < count:
        seen.add(make())
    return sorted(seen)


def _fits(clause: str) -> bool:
    return 5 <= len(clause) <= 20 and len(HAN.findall(clause)) >= 4


def _label(text: str) -> str:
    """The same for headlines that begin with the same clause, so that alike ones are mostly labelled alike."""
    return LABELS[sum(map(ord, text.split("，")[0])) % 15]


def _text(row: Example) -> str:
    return row.text


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder that holds data/")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--planted", type=int, default=1000, help="pairs of each kind")
    parser.add_argument("--show", type=int, default=5, help="unplanted drops to print")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
