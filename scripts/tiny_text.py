"""The text that `finetrie/tiny` learns from: stories without labels, and exercises in ChatML.

The exercises teach to copy, to list and to choose from what the prompt offers. Where they sort news or name people,
organisations and places, they do it by examples in the prompt, under names drawn by chance: a class or a type
of entity meets its own name no more often than any other, so what the demo teaches is still there to learn.
"""

# ruff: noqa: E501 - word lists read best as words

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import tiny_words as w

from finetrie.data.sample.chance import Chance
from finetrie.data.sample.generator import CHINESE, ENGLISH, Language, write_brief
from finetrie.data.sample.grammar import LABELS

START, END = "<|im_start|>", "<|im_end|>"
CUT = "\0"  # stands between an instruction and its text where they are turns of their own
Exercise = tuple[str, str]  # what the user asks, what the assistant answers

# The 3,755 characters of GB 2312's first level: the commonest in running text.
HANZI = "".join(
    bytes((row, cell)).decode("gb2312")
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF)
    if (row, cell) < (0xD7, 0xFA)
)


def documents(seed: int) -> Iterator[list[tuple[str, bool]]]:
    """Endless documents, each as parts: a text, and whether it is worth full attention (an answer, or plain text)."""
    chance = Chance(seed)
    while True:
        if chance.happens(0.15):
            yield [(story(chance), True), ("<|endoftext|>", True)]
            continue
        if chance.happens(0.12):
            yield [(echo(chance), True), ("<|endoftext|>", True)]
            continue
        turns: list[tuple[str, bool]] = []
        heeded = chance.happens(0.3)  # predicting the questions too, in some documents
        for _ in range(chance.weighted((1, 2), (5, 1))):
            question, answer = chance.weighted(EXERCISES, WEIGHTS)(chance)
            turns += [
                (asked(question), heeded),
                (f"{answer}{END}", True),
                ("\n", False),
            ]
        yield [*turns, ("<|endoftext|>", False)]


def asked(question: str) -> str:
    """The turns before the answer: the user's alone, or instruction and text as `system` and `user`."""
    system, cut, text = question.partition(CUT)
    turns = f"{START}system\n{system}{END}\n{START}user\n{text}{END}" if cut else f"{START}user\n{question}{END}"
    return f"{turns}\n{START}assistant\n"


# --- material -----------------------------------------------------------------------------------------------------


def news(chance: Chance, language: Language | None = None, label: str | None = None) -> str:
    language = language or (ENGLISH if chance.happens(0.15) else CHINESE)
    return write_brief(chance, language, label or chance.pick(LABELS)).text


def story(chance: Chance) -> str:
    """Plain running text: a few pieces of news of one class, or everyday sentences."""
    if chance.happens(0.7):
        language, label = (ENGLISH if chance.happens(0.15) else CHINESE), chance.pick(LABELS)
        return "\n".join(news(chance, language, label) for _ in range(chance.between(1, 4)))
    return "".join(everyday(chance, "zh", chance.sample(list(w.KINDS), 3))[0] for _ in range(4))


def word(chance: Chance) -> str:
    """A name for something, in exercises where names mean nothing: made up, everyday, or a word that labels use."""
    kind = chance.below(5)
    if kind < 2:
        return chance.pick(w.LABEL_WORDS)
    if kind == 2:
        return chance.pick(w.KINDS[chance.pick(list(w.KINDS))][2])
    return invented(chance, 1, 3)


def words(chance: Chance, n: int) -> list[str]:
    """`n` different names."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[word(chance)] = None
    return list(found)


def echo(chance: Chance) -> str:
    """Characters without sense, said two or three times: the second time can only be known from the first."""
    joint = chance.pick(("，", "、", "\n", ", "))
    text = joint.join(words(chance, chance.between(2, 9)))
    return "\n".join([text] * chance.between(2, 3))


def invented(chance: Chance, low: int = 1, high: int = 3) -> str:
    return "".join(chance.pick(HANZI) for _ in range(chance.between(low, high)))


def example_of(chance: Chance, kind: str, language: str) -> str:
    """One member of a kind of things."""
    if kind in w.KINDS:
        return chance.pick(w.KINDS[kind][3 if language == "en" else 2])
    if kind == "code":
        return chance.pick("ABCDEFGHKMNPRSTXYZ") + str(chance.between(10, 9999))
    if kind == "date":
        month = chance.between(1, 12)
        return (
            f"2{chance.between(10, 99)}0-{month:02d}-{chance.between(1, 28):02d}"
            if language == "en"
            else f"{month}月{chance.between(1, 28)}日"
        )
    if kind == "amount":
        return f"{chance.between(2, 999)}" + (
            chance.pick((" kg", " pieces", " boxes")) if language == "en" else chance.pick("个只件斤箱升米台")
        )
    if kind == "pet":
        return chance.pick("小阿大老") + (
            chance.pick(HANZI) if chance.happens(0.6) else chance.pick(w.MADE_UP[kind][2])
        )
    return invented(chance, 1, 3) + chance.pick(w.MADE_UP[kind][2])


def everyday(chance: Chance, language: str, kinds: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """A sentence about things of these kinds, and (word, kind) in text order."""
    plan = chance.pick(w.SENTENCES_EN if language == "en" else w.SENTENCES_ZH)
    found: list[tuple[int, str, str]] = []
    text = ""
    rest = plan
    while "{" in rest:
        head, _, tail = rest.partition("{")
        kind = chance.pick(kinds)
        word = example_of(chance, kind, language)
        text += head
        found.append((len(text), word, kind))
        text += word
        rest = tail.partition("}")[2]
    return text + rest, [(word, kind) for _, word, kind in found]


def sentences(text: str) -> list[str]:
    """`text` cut behind each full stop."""
    parts, current = [], ""
    for i, character in enumerate(text):
        current += character
        if character in "。！？" or (character == "." and text[i + 1 : i + 2] in ("", " ")):
            parts.append(current.strip())
            current = ""
    return [*parts, current.strip()] if current.strip() else parts


def passage(chance: Chance) -> str:
    """Something to copy from: news, everyday sentences, or characters without sense."""
    kind = chance.weighted((0, 1, 2), (5, 3, 3))
    if kind == 0:
        return news(chance)
    if kind == 1:
        language = "en" if chance.happens(0.2) else "zh"
        joint = " " if language == "en" else ""
        return joint.join(
            everyday(chance, language, chance.sample([*w.KINDS, *w.MADE_UP], 3))[0] for _ in range(chance.between(1, 3))
        )
    return "，".join(invented(chance, 2, 7) for _ in range(chance.between(2, 7))) + "。"


def framed(chance: Chance, wordings: Sequence[str], text: str) -> str:
    """An instruction and the text it speaks of, in one of several layouts."""
    wording = chance.pick(wordings)
    if chance.happens(0.5):
        return wording + CUT + text
    layout = chance.pick(
        (
            "{w}\n\n文本：{t}",
            "{w}\n{t}",
            "{w}\n文本：{t}",
            "{w}：{t}",
            "{w}\n\n{t}",
            "{w}\n\n文本:{t}",
            "{w}\nText: {t}",
        )
    )
    return layout.format(w=wording, t=text)


# --- copying ------------------------------------------------------------------------------------------------------


def repeat(chance: Chance) -> Exercise:
    text = passage(chance)
    return framed(
        chance, ("请原样重复下面的文本", "抄写下面的内容", "把文本照抄一遍，不要改动", "Repeat the text exactly"), text
    ), text


def one_sentence(chance: Chance) -> Exercise:
    text = passage(chance) + passage(chance)
    parts = sentences(text)
    which = chance.pick(("first", "last"))
    wordings = {
        "first": ("只输出文本的第一句", "抄写第一句话", "Copy the first sentence"),
        "last": ("只输出文本的最后一句", "抄写最后一句话", "Copy the last sentence"),
    }[which]
    return framed(chance, wordings, text), parts[0 if which == "first" else -1]


def marked(chance: Chance) -> Exercise:
    """Words in brackets, one a line or as JSON objects."""
    text = passage(chance)
    opening, closing = chance.pick(("「」", "【】", "《》", "[]", "<>", "（）"))
    for mark in (opening, closing):
        text = text.replace(mark, "")
    found: list[str] = []
    result, at = "", 0
    for _ in range(chance.between(1, 5)):
        start = at + chance.between(1, 12)
        end = start + chance.between(1, 6)
        if end > len(text):
            break
        result += text[at:start] + opening + text[start:end] + closing
        found.append(text[start:end])
        at = end
    result += text[at:]
    if chance.happens(0.6):
        label = word(chance)
        wordings = (
            f"抽取{opening}{closing}中的内容，输出JSON\n类型：\n{label}",
            f"把{opening}和{closing}之间的文字抽取为实体，标签为{label}",
            f"List what stands in {opening}{closing} as JSON. Label: {label}",
        )
        return framed(chance, wordings, result), as_json([(piece, label) for piece in found])
    wordings = (
        f"列出{opening}{closing}中的内容，每行一个",
        f"抄写{opening}和{closing}之间的文字",
        f"Copy what stands in {opening}{closing}",
    )
    return framed(chance, wordings, result), "\n".join(found) or "没有"


def look_up(chance: Chance) -> Exercise:
    pairs = {key: word(chance) for key in words(chance, chance.between(3, 7))}
    key = chance.pick(list(pairs))
    joint = chance.pick(("：", "=", " ", "→"))
    table = "\n".join(f"{k}{joint}{v}" for k, v in pairs.items())
    return chance.pick((f"{table}\n{key}对应什么？", f"查表：{key}\n{table}", f"{table}\n\n{key}{joint}")), pairs[key]


def rewrite_list(chance: Chance) -> Exercise:
    kind = chance.pick([*w.KINDS, *w.MADE_UP])
    items = [example_of(chance, kind, "zh") for _ in range(chance.between(2, 6))]
    if chance.happens(0.5):
        items = words(chance, len(items))
    text = "、".join(items)
    choice = chance.below(4)
    if choice == 0:
        return framed(chance, ("每行写一个", "把列表拆成多行", "One item a line"), text), "\n".join(items)
    if choice == 1:
        return framed(chance, ("倒序写出", "把顺序反过来", "Reverse the list"), text), "、".join(reversed(items))
    if choice == 2:
        return framed(chance, ("写成JSON数组", "As a JSON list"), text), json.dumps(items, ensure_ascii=False)
    position = chance.below(len(items))
    return framed(chance, (f"写出第{position + 1}项", f"列表中第{position + 1}个是什么"), text), items[position]


# --- listing ------------------------------------------------------------------------------------------------------


def as_json(mentions: Sequence[tuple[str, str]], *, nothing: str = "没有找到任何实体") -> str:
    """One object a line, as extraction answers are written."""
    rows = (json.dumps({"entity_text": word, "entity_label": label}, ensure_ascii=False) for word, label in mentions)
    return "\n".join(rows) or nothing


EXTRACT_ZH = (
    "请从下面的文本中找出所有实体，按出现顺序每行输出一个JSON对象。\n标签：{labels}",
    "抽取文本中的{labels}，以JSON格式输出，没有则回答没有找到任何实体。",
    '你是一个实体识别专家，需要从给定的句子中提取{labels}。以json格式输出，如 {{"entity_text": "{example}", "entity_label": "{label}"}}。没有则输出"没有找到任何实体"。',
    "实体类型：{labels}\n按原文顺序逐行输出JSON，没有实体时回答：没有找到任何实体",
    "识别下列文本中的实体。\n类别：\n{lines}",
    '按先后顺序列出文本里的全部实体，一行一个 JSON：{{"entity_text": "实体", "entity_label": "类型"}}。没有实体时回答：没有找到任何实体\n类型：\n{plain}',
    "逐行用JSON写出文本中的实体，没有则回答：没有找到任何实体\n类型：\n{plain}",
)
EXTRACT_EN = (
    "Find all entities in the text, in order, one JSON object a line.\nIf there are none, answer: No entities found\nTypes:\n{plain}",
    "Extract {labels} from the text as JSON lines. If there are none, answer: No entities found",
)


def extract(chance: Chance) -> Exercise:
    """Everyday things with their kinds; kinds that are not asked for stay out of the answer."""
    language = "en" if chance.happens(0.15) else "zh"
    pool = chance.sample([*w.KINDS, *w.MADE_UP, *w.MADE_UP], chance.between(2, 6))
    pool = list(dict.fromkeys(pool))
    asked = pool if chance.happens(0.75) else pool[: max(1, len(pool) // 2)]
    column = 1 if language == "en" or chance.happens(0.4) else 0
    names = {kind: {**w.KINDS, **w.MADE_UP}[kind][column] for kind in pool}
    text, mentions = "", []
    for _ in range(chance.between(1, 4)):
        if text and language == "en":
            text += " "
        draw = chance.below(10)
        if draw < 2:
            text += chance.pick(w.PLAIN_EN if language == "en" else w.PLAIN_ZH)
            continue
        sentence, found = everyday(chance, language, pool)
        text += sentence
        mentions += [(word, names[kind]) for word, kind in found if kind in asked]
    labels = [names[kind] for kind in chance.shuffled(asked)]
    sample = chance.pick(asked)
    instruction = chance.pick(EXTRACT_EN if language == "en" else EXTRACT_ZH).format(
        labels=chance.pick(("、", ", ", "; ", "；")).join(labels),
        lines="\n".join(f"- {label}" for label in labels),
        plain="\n".join(labels),
        example=example_of(chance, sample, language),
        label=names[sample],
    )
    nothing = "No entities found" if language == "en" else "没有找到任何实体"
    return framed(chance, (instruction,), text), as_json(mentions, nothing=nothing)


def spot(chance: Chance) -> Exercise:
    """Given words with names of their own: which of them occur in a passage, in order."""
    text = passage(chance)
    names: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    at = chance.below(6)
    while at + 4 < len(text) and len(found) < 5:
        piece = text[at : at + chance.between(2, 4)]
        if text.count(piece) == 1 and piece.strip() == piece:
            names[piece] = word(chance)
            found.append((piece, names[piece]))
        at += chance.between(5, 14)
    for _ in range(chance.below(3)):
        names[invented(chance, 2, 3)] = invented(chance, 1, 2)
    table = "\n".join(f"{piece}：{name}" for piece, name in chance.shuffled(list(names.items())))
    wording = chance.pick(("找出词表里的词在文本中的出现，按顺序输出JSON。", "按词表标注文本，每行一个JSON对象。"))
    return f"{wording}\n{table}\n\n文本：{text}", as_json(found)


# --- choosing -----------------------------------------------------------------------------------------------------

CHOOSE_ZH = (
    "看看文本属于下面哪一类，只回答类别名称。\n类别：\n{plain}",
    "文本是哪一类？只回答名称。\n类别：\n{plain}",
    "请判断下面的文本属于哪一类，只回答类别名称。\n类别：\n{lines}",
    "从下列选项中选出最合适的一个。\n选项：{row}",
    "类别：{row}\n请给出文本的类别，只输出类别。",
    "请对文本分类。候选：\n{lines}",
    "你会接收到一段文本和几个潜在的分类选项，请输出文本内容的正确类型。类型选项：{row}",
)
CHOOSE_EN = (
    "Which label fits the text? Answer with the label only.\nLabels:\n{plain}",
    "Which class does the text belong to? Answer with the class name only.\nClasses:\n{lines}",
    "Pick the best option.\nOptions: {row}",
)


def choice(
    chance: Chance, options: Sequence[str], text: str, answer: str, *, question: str = "", english: bool = False
) -> Exercise:
    mixed = chance.shuffled(options)
    instruction = question + chance.pick(CHOOSE_EN if english else CHOOSE_ZH).format(
        lines="\n".join(f"- {option}" for option in mixed),
        plain="\n".join(mixed),
        row=chance.pick(("、", ", ", "，", ",")).join(mixed),
    )
    return framed(chance, (instruction,), text), answer


def kind_of_thing(chance: Chance) -> Exercise:
    english = chance.happens(0.15)
    kinds = chance.sample(list(w.KINDS), chance.between(2, 11))
    column = 1 if english else 0
    true = kinds[0]
    if chance.happens(0.3):
        text = example_of(chance, true, "en" if english else "zh")
    else:
        text = "".join(everyday(chance, "en" if english else "zh", [true])[0] for _ in range(chance.between(1, 3)))
    return choice(chance, [w.KINDS[k][column] for k in kinds], text, w.KINDS[true][column], english=english)


def mood(chance: Chance) -> Exercise:
    english = chance.happens(0.2)
    table = w.MOODS if chance.happens(0.5) else w.SEASONS
    names = chance.pick(list(table))
    thing = example_of(chance, chance.pick([*w.KINDS, *w.MADE_UP]), "en" if english else "zh")
    phrase = chance.pick(table[names][1 if english else 0])
    text = (
        f"The {thing}: {phrase}."
        if english
        else chance.pick(
            (f"{phrase}，{thing}也是。", f"说到{thing}，{phrase}。", f"{chance.pick(w.PLAIN_ZH)}{phrase}。")
        )
    )
    return choice(chance, [n[1 if english else 0] for n in table], text, names[1 if english else 0], english=english)


def which_occurs(chance: Chance) -> Exercise:
    """Which of several pieces of text stands in a passage."""
    text = passage(chance)
    question = chance.pick(("哪个选项出现在文本中？", "找出文本里有的那一项。", ""))
    if chance.happens(0.5):
        options = words(chance, chance.between(2, 10))
        at = chance.below(len(text))
        return choice(chance, options, text[:at] + options[0] + text[at:], options[0], question=question)
    length = chance.between(2, min(5, len(text)))
    start = chance.below(len(text) - length + 1)
    true = text[start : start + length].strip() or text[:3]
    others = [invented(chance, len(true), len(true)) for _ in range(chance.between(1, 6))]
    return choice(chance, [true, *others], text, true, question=question)


def goes_on(chance: Chance) -> Exercise:
    """Which sentence belongs to the same piece of news."""
    n = chance.between(2, 4)
    labels = chance.sample(list(LABELS), n)
    language = ENGLISH if chance.happens(0.15) else CHINESE
    text = news(chance, language, labels[0])
    options = [max(sentences(news(chance, language, label)), key=len) for label in labels]
    order = chance.shuffled(list(range(n)))
    letters = "ABCD"[:n]
    lines = "\n".join(f"{letter}. {options[i]}" for letter, i in zip(letters, order, strict=True))
    question = chance.pick(("下面哪一句和文本说的是同一类事？只回答字母。", "哪个选项与文本最相近？回答字母。"))
    return f"{question}\n{lines}\n\n文本：{text}", letters[order.index(0)]


def same_kind(chance: Chance) -> Exercise:
    language = ENGLISH if chance.happens(0.15) else CHINESE
    first, second = chance.sample(list(LABELS), 2)
    same = chance.happens(0.5)
    one, two = news(chance, language, first), news(chance, language, first if same else second)
    return (
        f"{chance.pick(('两段文字说的是同一类事吗？', '判断两段内容是否属于同一主题。'))}回答是或否。\n一：{one}\n二：{two}",
        "是" if same else "否",
    )


def by_example(chance: Chance) -> Exercise:
    """A rule shown by examples: each kind of thing gets a made-up name."""
    kinds = chance.sample(list(w.KINDS), chance.between(2, 4))
    names = dict(zip(kinds, words(chance, len(kinds)), strict=True))
    shown = [(example_of(chance, kind, "zh"), names[kind]) for kind in kinds for _ in range(2)]
    true = chance.pick(kinds)
    rows = "\n".join(f"{thing} → {name}" for thing, name in chance.shuffled(shown))
    return f"{rows}\n{example_of(chance, true, 'zh')} →", names[true]


def named_by_example(chance: Chance) -> Exercise:
    """Entities of a piece of news by kind; the kinds are shown by examples and have names without meaning."""
    language = ENGLISH if chance.happens(0.15) else CHINESE
    brief = write_brief(chance, language, chance.pick(LABELS))
    shown: dict[str, list[str]] = {}
    for _ in range(3):
        other = write_brief(chance, language, chance.pick(LABELS))
        for span in other.spans:
            some = shown.setdefault(span.label, [])
            if len(some) < 2 and other.text[span.start : span.end] not in some:
                some.append(other.text[span.start : span.end])
    kinds = chance.shuffled(sorted(shown))
    if chance.happens(0.25):
        kinds = kinds[: max(1, len(kinds) // 2)]
    names = dict(zip(kinds, words(chance, len(kinds)), strict=True))
    table = "\n".join(f"{names[kind]}：{'、'.join(shown[kind])}" for kind in kinds)
    instruction = chance.pick(EXTRACT_EN if language is ENGLISH else EXTRACT_ZH).format(
        labels=chance.pick(("、", ", ", "; ", "；")).join(names.values()),
        lines="\n".join(f"- {name}" for name in names.values()),
        plain="\n".join(names.values()),
        example=shown[kinds[0]][0],
        label=names[kinds[0]],
    )
    found = [(brief.text[span.start : span.end], names[span.label]) for span in brief.spans if span.label in names]
    nothing = "No entities found" if language is ENGLISH else "没有找到任何实体"
    return framed(chance, (f"{instruction}\n{table}",), brief.text), as_json(found, nothing=nothing)


def sorted_by_example(chance: Chance) -> Exercise:
    """The class of a piece of news; the classes are shown by examples and have names without meaning."""
    language = ENGLISH if chance.happens(0.15) else CHINESE
    labels = chance.sample(list(LABELS), chance.between(2, 4))
    names = words(chance, len(labels))
    shown = [
        f"{name}：{max(sentences(news(chance, language, label)), key=len)}"
        for name, label in zip(names, labels, strict=True)
    ]
    examples = "\n".join(chance.shuffled(shown)) + "\n"
    text = news(chance, language, labels[0])
    return choice(chance, names, text, names[0], question=examples, english=language is ENGLISH)


def contains(chance: Chance) -> Exercise:
    text = passage(chance)
    inside = chance.happens(0.5)
    start = chance.below(max(1, len(text) - 3))
    piece = text[start : start + 3] if inside else invented(chance, 2, 3)
    return framed(
        chance, (f"文本中有没有“{piece}”？回答有或没有", f"“{piece}”是否出现？回答有或没有"), text
    ), "有" if piece in text else "没有"


EXERCISES: tuple[Callable[[Chance], Exercise], ...] = (
    repeat, one_sentence, marked, look_up, rewrite_list, extract, spot,
    kind_of_thing, mood, which_occurs, goes_on, same_kind, by_example, contains,
    named_by_example, sorted_by_example,
)  # fmt: skip
WEIGHTS = (8, 4, 10, 4, 4, 26, 6, 8, 2, 5, 7, 3, 2, 1, 22, 14)
