"""Run directories as finished runs leave them, made up from a seed: what the report is tried on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetrie.evaluation import evaluate_classification, evaluate_entities, evaluate_instruction
from finetrie.evaluation.abstain import Confidences, abstain_report
from finetrie.evaluation.temperature import fit_temperature, temperature_report
from finetrie.files import write_json, write_jsonl, write_text
from finetrie.records import Outcome, Prediction, Span

NEWS = {
    "体育": "国家队在主场以三比一战胜对手，主教练赛后表示球员执行力很强，下一轮将全力以赴",
    "财经": "央行今日开展逆回购操作，分析师认为市场流动性保持合理充裕，股指午后震荡走高",
    "科技": "该公司发布新一代芯片，能效比提升三成，首批设备预计在下半年交付给开发者",
    "娱乐": "这部影片上映三天票房破亿，导演在见面会上透露续集剧本已经完成",
    "教育": "今年高校招生计划公布，新增专业集中在人工智能与护理方向，咨询会周末举行",
    "房产": "多个城市调整公积金贷款额度，中介门店咨询量上升，新房成交面积环比增加",
    "汽车": "新款电动车续航里程达到七百公里，补能网络将覆盖主要高速公路服务区",
    "国际": "两国外长举行会谈，双方就贸易安排与人员往来达成多项共识",
}
PLACES = ("北京", "上海市浦东新区", "南京", "巴黎")
PEOPLE = ("王小明", "李建国", "欧阳娜娜", "张伟")
COMPANIES = ("新华社", "清华大学", "华为技术有限公司", "世界卫生组织")
ENTITY_LABELS = ("人名", "地点", "组织", "地理实体")


def classification(folder: Path, *, rows: int = 460, extra_labels: int = 0, seed: int = 0) -> Path:
    """A classifier of Chinese news; `extra_labels` more classes make it one of many labels."""
    draw = random.Random(seed)
    labels = [*NEWS, *(f"类别{i:02d}" for i in range(extra_labels))]
    predictions, gold, texts = [], [], []
    for number in range(rows):
        truth = draw.choices(labels, weights=[1 / (i + 2) for i in range(len(labels))])[0]
        texts.append(f"{draw.choice(PLACES)}消息：{NEWS.get(truth, truth + '的一条新闻')}。" * draw.randint(1, 4))
        gold.append(truth)
        predictions.append(_classified(draw, number, truth, labels))
    metrics = evaluate_classification(gold, predictions, labels=labels, resamples=500, decoding="free", seconds=9.7)
    _add_confidence(metrics, gold, [p.probabilities for p in predictions])
    before = {"n": 200, "accuracy": 0.135, "accuracy_ci": [0.094, 0.189], "outcomes": {}}
    write_json(folder / "metrics.json", {**metrics, "zero_shot": before})
    write_jsonl(folder / "predictions.jsonl", map(_row, predictions, gold, texts))
    _common(folder, kind="classification", rows=[{"text": t, "target": g} for t, g in zip(texts, gold, strict=True)])
    return folder


def _add_confidence(metrics: dict[str, Any], gold: Sequence[str], said: Sequence[Any]) -> None:
    """What dev rows teach; the first half of the rows stands for them."""
    half = len(gold) // 2
    found = fit_temperature(gold[:half], said[:half])
    if found is not None:
        dev, test = Confidences.of(gold[:half], said[:half]), Confidences.of(gold, said)
        metrics["calibration"]["temperature"] = temperature_report(found, gold, said)
        metrics["calibration"]["abstain"] = abstain_report(dev, test)


def _classified(draw: random.Random, number: int, truth: str, labels: Sequence[str]) -> Prediction:
    id, chance = f"test-{number}", draw.random()
    if chance < 0.004:
        return Prediction(id, "", None, Outcome.FAILED, details={"error": "prompt longer than the token budget"})
    if chance < 0.008:
        return Prediction(id, "", None, Outcome.UNPARSABLE, details={"decodings": {"free": ""}})
    sure = draw.betavariate(6, 1.2)
    near = labels[(labels.index(truth) + draw.choice((1, 1, 2))) % len(labels)]
    best = truth if draw.random() < sure - 0.02 else near
    others = [label for label in labels if label != best]
    probabilities = {best: sure, **dict.fromkeys(others, (1 - sure) / len(others))}
    said = "社会新闻" if chance < 0.03 else best
    decodings = {"free": said, "constrained": best, "argmax": best}
    return Prediction(
        id, said, said, probability=probabilities.get(said), probabilities=probabilities, seconds=0.02,
        details={"decodings": decodings},
    )  # fmt: skip


def ner(folder: Path, *, rows: int = 240, seed: int = 0) -> Path:
    """Entity recognition with every kind of error."""
    draw = random.Random(seed)
    gold, predictions, texts = [], [], []
    for number in range(rows):
        text, spans = _sentence(draw)
        gold.append(spans)
        texts.append(text)
        predictions.append(_extracted(draw, f"test-{number}", text, spans))
    metrics = evaluate_entities(gold, predictions, labels=ENTITY_LABELS, texts=texts, resamples=500, seconds=31.0)
    write_json(folder / "metrics.json", metrics)
    write_jsonl(folder / "predictions.jsonl", map(_row, predictions, gold, texts))
    data = [{"text": t, "target": _spans(s, t)} for t, s in zip(texts, gold, strict=True)]
    _common(folder, kind="ner", rows=data)
    return folder


def _sentence(draw: random.Random) -> tuple[str, list[Span]]:
    text, spans = "", []
    company, person, place = draw.choice(COMPANIES), draw.choice(PEOPLE), draw.choice(PLACES)
    parts = [("据", None), (company, "组织"), ("报道，", None), (person, "人名"), ("昨日抵达", None), (place, "地点")]
    country = draw.choice(("中国", "法国"))
    for words, label in (*parts, ("，与", None), (country, "地理实体"), ("代表会面。", None)):
        if label:
            spans.append(Span(len(text), len(text) + len(words), label))
        text += words
    return (text, spans) if draw.random() < 0.8 else ("今天天气很好，适合出门散步。", [])


def _extracted(draw: random.Random, id: str, text: str, gold: Sequence[Span]) -> Prediction:
    found: list[Span] = []
    details: dict[str, Any] = {"finished": True}
    if draw.random() < 0.02:
        return Prediction(id, '{"entity_text": "北', None, Outcome.UNPARSABLE, details={"reason": "not_json"})
    for span in gold:
        chance = draw.random()
        if chance < 0.82:
            found.append(span)
        elif chance < 0.88:
            found.append(Span(span.start, span.end, draw.choice([x for x in ENTITY_LABELS if x != span.label])))
        elif chance < 0.93 and span.end - span.start > 2:
            found.append(Span(span.start, span.end - 1, span.label))
    if gold and draw.random() < 0.08:
        found.append(Span(len(text) - 5, len(text) - 3, "组织"))
    if draw.random() < 0.02:
        found.append(Span(0, 1, "日期"))
    if draw.random() < 0.05:
        details["hallucinated"] = [["联合国", "组织"]]
    details["alignment"] = {"cursor": max(0, len(found) - 1), "fuzzy": min(1, len(found))}
    return Prediction(id, "…", tuple(found), details=details)


def instruction(folder: Path) -> Path:
    gold = [f"南京是江苏省的省会，第{i}条。" for i in range(40)]
    said = [g if i % 3 else g.replace("省会", "首府") for i, g in enumerate(gold)]
    predictions = [Prediction(f"test-{i}", answer, answer) for i, answer in enumerate(said)]
    metrics = evaluate_instruction(gold, predictions, resamples=200, seconds=4.0)
    write_json(folder / "metrics.json", metrics)
    texts = [f"南京是哪个省的省会？（{i}）" for i in range(len(gold))]
    write_jsonl(folder / "predictions.jsonl", map(_row, predictions, gold, texts))
    _common(folder, kind="instruction", rows=[{"text": t, "target": g} for t, g in zip(texts, gold, strict=True)])
    return folder


def interrupted(folder: Path) -> Path:
    """Killed while training: no metrics, no predictions, half a line at the end of the log."""
    _run_file(folder, "classification")
    lines = [b'{"event": "run_started", "time": "2026-01-05T09:00:00+00:00"}\n']
    lines += [f'{{"event": "step", "step": {i}, "total_steps": 90, "loss": {3 / i}}}\n'.encode() for i in range(1, 31)]
    (folder / "events.jsonl").write_bytes(b"".join(lines) + b'{"event": "step", "st')
    return folder


def _row(prediction: Prediction, gold: Any, text: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": prediction.id,
        "gold": gold if isinstance(gold, str) else _spans(gold, text),
        "prediction": _spans(prediction.answer, text) if isinstance(prediction.answer, tuple) else prediction.answer,
        "outcome": prediction.outcome or _outcome(prediction.answer, gold),
        "completion": prediction.completion,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "seconds": prediction.seconds,
        "text": text,
    }
    return {**row, "details": {key: value for key, value in prediction.details.items() if key != "decodings"}}


def _outcome(answer: Any, gold: Any) -> Outcome:
    if answer == "社会新闻":
        return Outcome.OUT_OF_LABEL_SET
    same = set(answer) == set(gold) if isinstance(answer, tuple) else answer == gold
    return Outcome.CORRECT if same else Outcome.WRONG


def _spans(spans: Sequence[Span], text: str) -> list[dict[str, Any]]:
    return [{"start": s.start, "end": s.end, "label": s.label, "text": text[s.start : s.end]} for s in spans]


def _common(folder: Path, *, kind: str, rows: list[dict[str, Any]]) -> None:
    """What all tasks have: settings, manifest, data, card and the event log."""
    _run_file(folder, kind)
    parts = {"train": rows * 3, "dev": rows[: len(rows) // 2], "test": rows}
    for name, part in parts.items():
        numbered = ({"id": f"{name}-{i}", "origin": f"{name}.jsonl:{i + 1}", **row} for i, row in enumerate(part))
        write_jsonl(folder / "data" / f"{name}.jsonl", numbered)
    overlap = [_rejection(f"train.jsonl:{40 + i}", "test_overlap", rows[i]["text"]) for i in range(min(15, len(rows)))]
    bad = _rejection("train.jsonl:7", "missing_field", None, reason="no field 'label'; fields: text, lable")
    write_jsonl(folder / "data" / "rejected.jsonl", [*overlap, bad])
    cut = {"split": "train", "characters": 3120, "kept": [[0, 480]]}
    long = [{**cut, "id": f"train-{i}", "origin": f"train.jsonl:{i}"} for i in range(3, 40, 2)]
    write_jsonl(folder / "data" / "shortened.jsonl", long)
    conflict = {"text": rows[0]["text"], "rows": [
        {"origin": "train.jsonl:12", "part": "train", "target": rows[0]["target"]},
        {"origin": "train.jsonl:80", "part": "train", "target": rows[1]["target"]},
    ]}  # fmt: skip
    card = {
        "kind": kind,
        "rows": {name: len(part) for name, part in parts.items()},
        "duplicates": {"train": {"count": 31, "groups": 20, "examples": []}, "dev": {"count": 0}, "test": {"count": 2}},
        "conflicts": {"count": 4, "examples": [conflict]},
        "overlap": {"train_dev": 0, "train_test": 0, "dev_test": 0},
        "notices": ["12 entity offsets counted UTF-16 units; repaired"] if kind == "ner" else [],
    }
    write_json(folder / "data" / "card.json", card)
    write_json(
        folder / "manifest.json",
        {
            "created": "2026-01-05T09:00:00+00:00",
            "identity": {"data": "5b1f0c" * 10, "settings": "91aa04" * 10},
            "stages": {"train": {"finished": "2026-01-05T09:03:00+00:00"}},
            "python": "3.11.7",
            "platform": "Linux-6.1-x86_64",
            "packages": {"finetrie": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
            "cpu": {"name": "Example CPU @ 2.10GHz", "cores": 2, "memory_bytes": 25769803776},
            "gpus": [],
            "git": {"commit": "d64d023", "dirty": False},
        },
    )
    write_jsonl(folder / "events.jsonl", _events(metric="entity_f1" if kind == "ner" else "macro_f1"))


def _run_file(folder: Path, kind: str) -> None:
    text = f"""\
[data]
train = "/home/user/news/train.jsonl"
test_fraction = 0.2
[task]
kind = "{kind}"
[model]
base = "Qwen/Qwen2.5-1.5B-Instruct"
max_tokens = 384
[tuning]
method = "lora"
rank = 8
alpha = 32.0
targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
[training]
epochs = 3.0
batch_size = 16
learning_rate = 1e-4
seed = 0
[evaluation]
decoding = "free"
"""
    write_text(folder / "run.toml", text)


def _events(*, metric: str, steps: int = 260) -> list[dict[str, Any]]:
    draw = random.Random(1)
    events: list[dict[str, Any]] = [{"event": "run_started", "time": "2026-01-05T09:00:00+00:00"}]
    for step in range(1, steps + 1):
        loss = 3.2 * 0.975**step + 0.18 + draw.gauss(0, 0.07) * (1 + 40 / (step + 20))
        events.append({
            "event": "step", "step": step, "total_steps": steps, "epoch": step / 87, "loss": max(0.02, loss),
            "learning_rate": 1e-4, "grad_norm": 1.0, "rows": 16, "target_tokens": 64, "tokens_computed": 720,
            "tokens_given": 2300, "seconds": 0.6,
        })  # fmt: skip
        if step % 26 == 0:
            score = 0.9 - 0.8 * 0.98**step + draw.gauss(0, 0.004) - (0.03 if step > 210 else 0)
            events.append({"event": "evaluation", "step": step, "split": "dev", "score": score, "metric": metric})
    events.append({"event": "notice", "message": "19 texts were shortened to fit 384 tokens"})
    events.append({
        "event": "train_finished", "steps": steps, "rows": steps * 16, "seconds": 158.2, "rows_per_second": 26.3,
        "best_step": 208,
    })  # fmt: skip
    return events


def _rejection(
    origin: str, rule: str, text: str | None, *, reason: str = "the same text stands in test"
) -> dict[str, Any]:
    return {"origin": origin, "rule": rule, "reason": reason, "row": None, "partner": "test.jsonl:3", "text": text}
