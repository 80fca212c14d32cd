"""Three real data sets through `finetrie init` and `finetrie run`, on a small Qwen2 with the real Qwen2.5 tokenizer.

    OMP_NUM_THREADS=2 python benchmarks/real_data.py --out benchmarks/results/real_data.json

Random weights learn to classify, but 1,500 CCF rows, seen three times, did not teach them to copy an entity out of a
text. So the small model first learns what every base has learned before it is tuned: the script trains it on the
stories and exercises that `finetrie/tiny` is made from (scripts/tiny_text.py) and on the training texts without their
labels.

It is tuned on the first 2,000 CCF rows with entities and on the whole training files of the other sets; every test
file is used whole. `--entity-rows 0` takes the whole CCF file, `--base` another model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import transformers
from torch.nn import functional as F
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from finetrie.files import read_json, read_jsonl, write_json, write_jsonl

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import tiny_text  # noqa: E402
from train_tiny import optimisers, rate, start_copying  # noqa: E402

DATA = ("fudan_news", "tnews", "ccfbdci_ner")
TEXT = {"fudan_news": "text", "tnews": "sentence", "ccfbdci_ner": "text"}
EPOCHS = {"fudan_news": 1, "tnews": 3, "ccfbdci_ner": 1}
SETTINGS = {
    "model.max_tokens": 384,
    "tuning.method": "full",
    "training.learning_rate": 2e-3,
    "training.schedule": "cosine",
    "training.warmup_ratio": 0.1,
    "training.dev_rows": 60,
    "evaluation.max_new_tokens": 64,  # a model this small repeats itself when it does not know how to end
}
VOCABULARY, WIDTH, END, PAD = 151_936, 128, 151_645, 151_643
SHAPE = {
    "hidden_size": WIDTH,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "max_position_embeddings": 2048,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    "tie_word_embeddings": True,
}
BATCH_TOKENS, LENGTH = 2048, 256
TEXT_SHARE = 0.4  # of the documents; the others are stories and exercises


def main() -> None:
    options = _options()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        base: dict[str, Any] = {"name": options.base}
        if options.base is None:
            base = build_base(work / "base", options.shared, steps=options.steps)
        results = {name: measure(name, options.base or str(work / "base"), work, options) for name in options.data}
    record = {
        "benchmark": "real_data",
        "base": base,
        "entity_rows": options.entity_rows,
        "settings": SETTINGS,
        "threads": torch.get_num_threads(),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "results": results,
    }
    print(json.dumps(record, indent=2, ensure_ascii=False))
    if options.out:
        write_json(options.out, record)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--base", default=None, help="a model folder or name, instead of the small model made here")
    parser.add_argument("--steps", type=int, default=400, help="of the small model's first training")
    parser.add_argument("--entity-rows", type=int, default=2000, help="of CCF, from the top; 0: the whole file")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("FINETRIE_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--work", type=Path, default=None, help="keep the small model and the run directories here")
    parser.add_argument("--out", type=Path, default=None, help="for example benchmarks/results/real_data.json")
    return parser.parse_args()


def measure(name: str, base: str, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """`finetrie init` and `finetrie run` on one data set, and what the run directory says of it."""
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for part in ("train", "test"):
        rows = list(read_jsonl(options.shared / f"data/{name}/{part}.jsonl"))
        if name == "ccfbdci_ner" and part == "train" and options.entity_rows:
            rows = [row for row in rows if row["entities"]][: options.entity_rows]
        write_jsonl(folder / f"{part}.jsonl", rows)
        files.append(str(folder / f"{part}.jsonl"))
    run_file, run = folder / "run.toml", folder / "run"
    settings = {**SETTINGS, "training.epochs": EPOCHS[name]}
    _finetrie("init", *files, "--model", base, "--out", str(run_file), "--force")
    _finetrie("run", str(run_file), "--out", str(run), *(f"--set={key}={value}" for key, value in settings.items()))
    metrics = read_json(run / "metrics.json")
    if metrics["n"] != sum(metrics["outcomes"].values()) or metrics["n"] != len(rows):
        raise SystemExit(f"{name}: {len(rows)} test rows, {metrics['n']} scored, outcomes {metrics['outcomes']}")
    events = [event for event in read_jsonl(run / "events.jsonl") if event["event"] == "step"]
    score = "accuracy" if metrics["task"] == "classification" else "micro_f1"
    return {
        "score": score,
        "value": metrics["accuracy"] if score == "accuracy" else metrics["micro"]["f1"],
        "interval": metrics[f"{score}_ci"],
        # who says "no entity" of every text finds none
        "majority": metrics["majority"]["accuracy"] if score == "accuracy" else 0.0,
        "rows": {"train": len(list(read_jsonl(run / "data/train.jsonl"))), "test": metrics["n"]},
        "rejected": len(list(read_jsonl(run / "data/rejected.jsonl"))),
        "outcomes": metrics["outcomes"],
        "epochs": EPOCHS[name],
        "rows_per_second": {
            "training": round(sum(event["rows"] for event in events) / sum(event["seconds"] for event in events), 2),
            "evaluation": round(metrics["rows_per_second"], 2),
        },
    }


def _finetrie(*arguments: str) -> None:
    command = Path(sys.executable).with_name("finetrie")
    subprocess.run([command, *arguments], check=True, stdout=sys.stderr)


def build_base(folder: Path, shared: Path, *, steps: int) -> dict[str, Any]:
    """A Qwen2 of four layers with the whole Qwen2.5 vocabulary, trained for `steps`; returns its figures.

    It trains on the part of the vocabulary that occurs, a tenth of it: the other rows of the embedding would only be
    computed, never learned. They are added at the end, as random as they were.
    """
    started = perf_counter()
    torch.manual_seed(7)
    tokenizer = AutoTokenizer.from_pretrained(shared / "tokenizers/qwen2.5")
    ids, heeded = _tokens(tokenizer, shared, count=steps * BATCH_TOKENS + 1)
    used, compact = torch.unique(ids, return_inverse=True)
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(used), bos_token_id=None, eos_token_id=None, **SHAPE)).train()
    losses = _train(model, compact, heeded, steps)

    whole = Qwen2ForCausalLM(
        Qwen2Config(vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=END, pad_token_id=PAD, **SHAPE)
    )
    weights = model.state_dict()
    learned = weights["model.embed_tokens.weight"]
    embedding = torch.randn(VOCABULARY, WIDTH) * 0.06  # as start_copying begins
    embedding[used] = learned
    whole.load_state_dict({**weights, "model.embed_tokens.weight": embedding, "lm_head.weight": embedding})
    whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "name": "small Qwen2 with the Qwen2.5 tokenizer",
        **SHAPE,
        "parameters": sum(parameter.numel() for parameter in whole.parameters()),
        "steps": steps,
        "tokens": steps * BATCH_TOKENS,
        "vocabulary_met": len(used),
        "loss": round(sum(losses[-50:]) / len(losses[-50:]), 3),
        "seconds": round(perf_counter() - started),
    }


def _tokens(tokenizer: Any, shared: Path, *, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The documents one after another, as `count` ids, and whether loss is taken on each."""
    documents = _documents(shared)
    ids: list[int] = []
    heeded: list[bool] = []
    while len(ids) < count:
        parts = [part for _ in range(64) for part in next(documents)]
        encoded = tokenizer([text for text, _ in parts], add_special_tokens=False)["input_ids"]
        for piece, (_, heed) in zip(encoded, parts, strict=True):
            ids += piece
            heeded += [heed] * len(piece)
    return torch.tensor(ids[:count]), torch.tensor(heeded[:count])


def _documents(shared: Path) -> Iterator[list[tuple[str, bool]]]:
    """Endless documents: training texts without their labels among stories and exercises."""
    texts = [
        row[column][:200] for name, column in TEXT.items() for row in read_jsonl(shared / f"data/{name}/train.jsonl")
    ]
    chance, written = random.Random(7), tiny_text.documents(7)
    while True:
        if chance.random() < TEXT_SHARE:
            yield [(chance.choice(texts), True), ("<|endoftext|>", True)]
        else:
            yield next(written)


def _train(model: Any, ids: torch.Tensor, heeded: torch.Tensor, steps: int) -> list[float]:
    """One step a block of tokens, by the recipe of scripts/train_tiny.py; the losses."""
    masks = start_copying(model)
    chosen = optimisers(model)
    peaks = [optimiser.param_groups[0]["lr"] for optimiser in chosen]
    losses: list[float] = []
    for step in range(steps):
        for optimiser, peak in zip(chosen, peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * rate(step, steps)
        block = slice(step * BATCH_TOKENS, (step + 1) * BATCH_TOKENS + 1)
        inputs, targets = ids[block][:-1].view(-1, LENGTH), ids[block][1:].view(-1, LENGTH)
        keep = heeded[block][1:].view(-1, LENGTH)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
            logits = F.linear(hidden[keep], model.lm_head.weight)
        loss = F.cross_entropy(logits.float(), targets[keep])
        loss.backward()
        losses.append(loss.item())
        if step < steps // 4:
            for parameter, mask in masks:
                parameter.grad *= mask
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in chosen:
            optimiser.step()
            optimiser.zero_grad()
        if step % 50 == 49:
            print(f"base: step {step + 1}/{steps}, loss {sum(losses[-50:]) / 50:.3f}", file=sys.stderr, flush=True)
    return losses


if __name__ == "__main__":
    main()
