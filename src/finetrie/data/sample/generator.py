"""Writes the embedded sample: 2,400 invented news briefs in ten classes, with entities and with planted faults.

    python -m finetrie.data.sample.generator FOLDER

The same seed gives the same bytes on every platform and Python version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetrie.data.sample import chinese, chinese_more, english, personal
from finetrie.data.sample.chance import Chance
from finetrie.data.sample.grammar import LABELS, Teller, Topic
from finetrie.files import write_json, write_text
from finetrie.records import Span

SEED = 20_261
TEST_ROWS = 420
TRAIN_ROWS = 1_980
CHINESE_SHARE = 5 / 6

CHINESE_TOPICS = (
    chinese.SPORT, chinese.FINANCE, chinese.TECH, chinese.SCHOOL, chinese.HEALTH,
    chinese_more.SHOW, chinese_more.TRAVEL, chinese_more.CARS, chinese_more.HOMES, chinese_more.FARM,
)  # fmt: skip


@dataclass(frozen=True)
class Language:
    """What the briefs of one language are made of."""

    code: str
    topics: Mapping[str, Topic]
    neutral: Sequence[str]
    bridges: Mapping[tuple[str, ...], Sequence[str]]
    openings: Sequence[str]
    headline: Sequence[str]  # how a headline is set before the text

    def shared_with(self, label: str) -> list[str]:
        """Sentences that would fit `label` and one other class."""
        return [plan for labels, plans in self.bridges.items() if label in labels for plan in plans]


CHINESE = Language(
    "zh",
    {t.label: t for t in CHINESE_TOPICS},
    chinese.NEUTRAL,
    chinese.BRIDGES,
    chinese.OPENINGS,
    ("【{}】", "{}。", "{}　"),
)
ENGLISH = Language("en", {t.label: t for t in english.TOPICS}, english.NEUTRAL, english.BRIDGES, (), ("{}",))


@dataclass(frozen=True)
class Brief:
    """One row of the sample, before it has an id."""

    text: str
    label: str
    spans: tuple[Span, ...]
    language: str

    def row(self, id: str) -> dict[str, Any]:
        entities = [
            {"start": s.start, "end": s.end, "label": s.label, "text": self.text[s.start : s.end]} for s in self.spans
        ]
        return {"id": id, "text": self.text, "label": self.label, "entities": entities, "language": self.language}


@dataclass(frozen=True)
class Sample:
    """Both files as rows, and which rows hold planted faults."""

    train: list[dict[str, Any]]
    test: list[dict[str, Any]]
    planted: dict[str, Any]


def write_brief(chance: Chance, language: Language, label: str) -> Brief:
    """Tell one piece of news of class `label`.

    One brief in five opens with a sentence that another class could open with; a few never become clearer.
    """
    topic = language.topics[label]
    teller = Teller(chance, language.code, label, topic.words)
    plans: list[str] = []
    vague = chance.happens(0.22)
    if not vague and chance.happens(0.3):
        plans.append(chance.pick(language.headline).format(chance.pick(topic.headlines)))
    elif language.openings and chance.happens(0.2):
        plans.append(chance.pick(language.openings))
    shared = language.shared_with(label)
    body = [chance.pick(shared) if vague and shared else chance.pick(topic.sentences)]
    if vague and chance.happens(0.75):
        body.append(chance.pick(topic.sentences))
    for _ in range(chance.weighted((0, 1, 2), (3, 5, 2))):
        source = chance.weighted((language.neutral, shared or language.neutral, topic.sentences), (6, 1, 2))
        unsaid = [plan for plan in source if plan not in body] or [p for p in topic.sentences if p not in body]
        body.append(chance.pick(unsaid))
    if chance.happens(0.25) and len(body) > 1:
        body[0], body[1] = body[1], body[0]
    for plan in plans + body:
        teller.say(plan)
    return Brief(teller.text, label, tuple(teller.spans), language.code)


def write_briefs(chance: Chance, n: int) -> list[Brief]:
    """`n` briefs with different texts, classes in nearly equal shares."""
    briefs: list[Brief] = []
    texts: set[str] = set()
    while len(briefs) < n:
        language = CHINESE if chance.happens(CHINESE_SHARE) else ENGLISH
        brief = write_brief(chance, language, LABELS[len(briefs) % len(LABELS)])
        if brief.text not in texts and 20 <= len(brief.text) <= 260:
            texts.add(brief.text)
            briefs.append(brief)
    return chance.shuffled(briefs)


def slightly_changed(chance: Chance, brief: Brief) -> Brief:
    """The same news as another desk would print it: a word before it, or another ending."""
    kind = chance.below(3)
    before = {"zh": "最新消息：", "en": "Update: "}[brief.language]
    if kind == 0:
        moved = tuple(Span(s.start + len(before), s.end + len(before), s.label) for s in brief.spans)
        return replace(brief, text=before + brief.text, spans=moved)
    return replace(brief, text=brief.text + "（完）" if kind == 1 else brief.text[:-1] + "！")


def other_label(chance: Chance, brief: Brief) -> Brief:
    return replace(brief, label=chance.pick([label for label in LABELS if label != brief.label]))


def generate(seed: int = SEED) -> Sample:
    """The sample of one seed: rows, and a record of every planted fault by row id."""
    chance = Chance(seed)
    exact, near, leaks, conflicts, private = 30, 20, 20, 15, 20
    briefs = write_briefs(chance, TEST_ROWS + TRAIN_ROWS - exact - near - leaks - conflicts)
    test, own = briefs[:TEST_ROWS], briefs[TEST_ROWS:]
    kinds: list[tuple[str, ...]] = []
    for i in range(private):
        own[i], found = personal.add(chance, own[i])
        kinds.append(found)
    # Each row is followed by a note of what is planted there: the fault, and the brief that it goes back to.
    originals = iter(chance.sample(own[private:], exact + near + conflicts))
    planted: list[tuple[Brief, str, Brief]] = []
    planted += [(o, "exact_duplicates", o) for o in take(originals, exact)]
    planted += [(slightly_changed(chance, o), "near_duplicates", o) for o in take(originals, near)]
    planted += [(other_label(chance, o), "conflicting_labels", o) for o in take(originals, conflicts)]
    planted += [(o, "leaks", o) for o in chance.sample(test, leaks)]
    order = chance.shuffled(range(TRAIN_ROWS))
    train_briefs = own + [brief for brief, _, _ in planted]
    ids = {source: f"train-{position + 1:04d}" for position, source in enumerate(order)}
    record: dict[str, Any] = {"seed": seed}
    for i, (_, fault, original) in enumerate(planted):
        other = f"test-{test.index(original) + 1:04d}" if fault == "leaks" else ids[own.index(original)]
        record.setdefault(fault, []).append([other, ids[len(own) + i]])
    record["personal_data"] = [{"id": ids[i], "kinds": list(found)} for i, found in enumerate(kinds)]
    return Sample(
        train=[train_briefs[source].row(f"train-{i + 1:04d}") for i, source in enumerate(order)],
        test=[brief.row(f"test-{i + 1:04d}") for i, brief in enumerate(test)],
        planted=record,
    )


def take(source: Any, n: int) -> list[Brief]:
    return [next(source) for _ in range(n)]


def lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(folder: Path, seed: int = SEED) -> Sample:
    """Write `train.jsonl`, `test.jsonl` and `planted.json` into `folder`."""
    sample = generate(seed)
    write_text(folder / "train.jsonl", lines(sample.train))
    write_text(folder / "test.jsonl", lines(sample.test))
    write_json(folder / "planted.json", sample.planted)
    return sample


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
