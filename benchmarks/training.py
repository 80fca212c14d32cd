"""Training on the trie against transformers' Trainer on padded batches, in one run: rows per second, peak memory.

    OMP_NUM_THREADS=2 python benchmarks/training.py --out benchmarks/results/training.json

The model has the shape of Qwen2.5-0.5B with random weights, LoRA of rank 8 on all linear layers, bf16 and no
gradient checkpointing; 64 rows each of three data sets, 16 rows an optimiser step. The Trainer takes 4 rows a pass
and accumulates 4; its checkpointing is off by default. Both train the same model on the same rows in the same
order, each in a process of its own, so that the peak of one is not the peak of the other. The first step is not
timed: it allocates and chooses kernels. `--rounds 3` does all of it three times in turn, so that a machine whose speed
changes between minutes changes both sides.

Nothing else may run meanwhile: a second busy process distorts the ratio. `load` in the record says whether it did.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import transformers
from shape import QWEN_05B
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from finetrie.data.reading import read
from finetrie.files import write_json
from finetrie.prompts import Renderer, choose_reserve
from finetrie.records import Example, Prompt
from finetrie.tasks.classification import Classification
from finetrie.tasks.ner import Ner
from finetrie.trie import default_budget, pack, plan
from finetrie.tuning.lora import Lora

ROOT = Path(__file__).parents[1]
STEP = 16  # rows an optimiser step
MICRO = 4  # rows a pass of the Trainer
DATA = ("tnews", "ccfbdci_ner", "fudan_news")
PATHS = ("padded", "trie")


def main() -> None:
    options = _options()
    if options.one:
        print(json.dumps(_measure(options)))
        return
    load = os.getloadavg()[0]
    results = {name: _compare(name, options) for name in options.data}
    record = {
        "benchmark": "training",
        "model": {**QWEN_05B, **options.shape},
        "adapter": {"method": "lora", "rank": 8, "alpha": 32, "dropout": options.dropout},
        "dtype": "bfloat16",
        "rows": options.rows,
        "rounds": options.rounds,
        "rows_per_step": STEP,
        "rows_per_padded_pass": MICRO,
        "budget_tokens": options.budget or default_budget(options.device),
        "device": options.device,
        "threads": torch.get_num_threads(),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "machine": platform.processor() or platform.machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "results": results,
    }
    print(json.dumps(record, indent=2))
    if options.out:
        write_json(options.out, record)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=1, help="measurements of each side, in turn")
    parser.add_argument("--dropout", type=float, default=0.1, help="of the adapters")
    parser.add_argument("--budget", type=int, default=None, help="tokens a pack; default: the library's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", type=json.loads, default={}, help="changes of the model's shape, as JSON")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("FINETRIE_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--out", type=Path, default=None, help="for example benchmarks/results/training.json")
    parser.add_argument("--one", choices=PATHS, help="measure one path on the first data set, in this process")
    return parser.parse_args()


def _compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Both paths on one data set in turn, each time in a process of its own."""
    given = {"--rows": options.rows, "--dropout": options.dropout, "--device": options.device}
    given |= {"--shape": json.dumps(options.shape), "--shared": options.shared, "--data": name}
    if options.budget:
        given["--budget"] = options.budget
    measured: dict[str, list[dict[str, Any]]] = {path: [] for path in PATHS}
    for _ in range(options.rounds):
        for path in PATHS:
            arguments = (str(part) for pair in {**given, "--one": path}.items() for part in pair)
            process = subprocess.run(
                [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
            )
            measured[path].append(json.loads(process.stdout.splitlines()[-1]))
            print(f"{name} {path}: {measured[path][-1]}", file=sys.stderr)
    padded, trie = (_joined(measured[path]) for path in PATHS)
    rates = [[once["rows_per_second"] for once in measured[path]] for path in PATHS]
    return {
        **_lengths(_prompts(name, options), budget=options.budget or default_budget(options.device)),
        "padded": padded,
        "trie": trie,
        "times_padded": round(trie["rows_per_second"] / padded["rows_per_second"], 2),
        "times_padded_by_round": [round(fast / slow, 2) for slow, fast in zip(*rates, strict=True)],
        "memory_of_padded": round(trie["peak_mb"] / padded["peak_mb"], 2),
    }


def _joined(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The rounds of one path as one: the mean rate, the highest peak, the seconds of all steps."""
    return {
        **rounds[0],
        "rows_per_second": round(len(rounds) / sum(1 / once["rows_per_second"] for once in rounds), 3),
        "seconds_per_step": [seconds for once in rounds for seconds in once["seconds_per_step"]],
        "peak_mb": max(once["peak_mb"] for once in rounds),
    }


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train on the rows in steps of 16, the first 16 once more before them, untimed."""
    prompts = _prompts(options.data[0], options)
    rows = [*prompts[:STEP], *prompts]
    torch.manual_seed(0)
    config = Qwen2Config(**{**QWEN_05B, **options.shape})
    with torch.device(options.device):
        model = Qwen2ForCausalLM._from_config(config, dtype=torch.bfloat16)
    model = Lora(rank=8, alpha=32, dropout=options.dropout, targets="all-linear").prepare(model)
    start = _peak_mb(options.device)
    train = _train_on_trie if options.one == "trie" else _train_padded
    seconds, losses = train(model, rows, options)
    return {
        "rows_per_second": round(len(prompts) / sum(seconds[1:]), 3),
        "seconds_per_step": [round(s, 2) for s in seconds[1:]],
        "peak_mb": round(_peak_mb(options.device)),
        "model_mb": round(start),
        "first_loss": round(losses[0], 4),
    }


def _train_on_trie(model: Any, rows: list[Prompt], options: argparse.Namespace) -> tuple[list[float], list[float]]:
    from finetrie.training.loop import train_steps
    from finetrie.training.objective import TriePacks
    from finetrie.training.precision import accelerator_for

    groups = [rows[start : start + STEP] for start in range(0, len(rows), STEP)]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.0)
    reports = train_steps(
        model,
        optimizer,
        groups,
        objective=TriePacks(budget_tokens=options.budget or default_budget(options.device)),
        learning_rate=lambda step: 1e-4,
        accelerator=accelerator_for("bf16", device=torch.device(options.device)),
    )
    done = list(reports)
    return [report.seconds for report in done], [report.loss for report in done]


def _train_padded(model: Any, rows: list[Prompt], options: argparse.Namespace) -> tuple[list[float], list[float]]:
    import tempfile

    from torch.utils.data import SequentialSampler
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

    seconds: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            self.began = perf_counter()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            seconds.append(perf_counter() - self.began)

    class InOrder(Trainer):
        def _get_train_sampler(self, *args: Any, **kwargs: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    features = [
        {
            "input_ids": list(row.ids),
            "attention_mask": [1] * len(row.ids),
            "labels": [token if flag else -100 for token, flag in zip(row.ids, row.supervised, strict=True)],
        }
        for row in rows
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = InOrder(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=MICRO,
                gradient_accumulation_steps=STEP // MICRO,
                num_train_epochs=1,
                learning_rate=1e-4,
                lr_scheduler_type="constant",
                bf16=True,
                use_cpu=options.device == "cpu",
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=features,
            data_collator=DataCollatorForSeq2Seq(
                AutoTokenizer.from_pretrained(options.shared / "tokenizers/qwen2.5"), padding=True
            ),
            callbacks=[Clock()],
        )
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return seconds, [float(loss) for loss in losses]


def _prompts(name: str, options: argparse.Namespace) -> list[Prompt]:
    """Labelled rows from all parts of a training file, rendered as the product renders them."""
    path = options.shared / f"data/{name}/train.jsonl"
    tokenizer = AutoTokenizer.from_pretrained(options.shared / "tokenizers/qwen2.5")
    if name == "tnews":
        examples = read(path, kind="classification", text="sentence", target="label_desc").examples
        task: Any = Classification(tuple(sorted({str(example.target) for example in examples})))
    elif name == "ccfbdci_ner":
        # rows without an entity, two thirds of the file, have a short answer that would flatter the trie
        examples = tuple(example for example in read(path, format="ccf").examples if example.target)
        task = Ner(("GPE", "LOC", "ORG", "PER"), wording="ccf_ner")
    else:
        examples = read(path, format="fudan").examples
        task = Classification(tuple(sorted({str(example.target) for example in examples})), wording="fudan_news")
    chosen = examples[:: max(1, len(examples) // options.rows)][: options.rows]
    renderer = Renderer(tokenizer, task, max_tokens=384, reserve=_reserve(tokenizer, task, examples))
    rendered = [renderer.render(example) for example in chosen]
    # neighbours in a file may be of one class; a step should look like a step of shuffled training
    order = torch.randperm(len(rendered), generator=torch.Generator().manual_seed(0)).tolist()
    return [prompt for prompt in (rendered[i] for i in order) if isinstance(prompt, Prompt)]


def _reserve(tokenizer: Any, task: Any, examples: tuple[Example, ...]) -> int | None:
    return None if task.closed else choose_reserve(tokenizer, task, examples[:512], max_tokens=384)


def _lengths(prompts: list[Prompt], *, budget: int) -> dict[str, Any]:
    """What a row is made of, and how many tokens each path computes for it."""
    groups = [prompts[start : start + STEP] for start in range(0, len(prompts), STEP)]
    distinct = padded = 0
    for group in groups:
        ids = [prompt.ids for prompt in group]
        distinct += sum(len(pack([ids[i] for i in part])) for part in plan(ids, budget_tokens=budget))
        padded += sum(
            len(ids[start : start + MICRO]) * max(map(len, ids[start : start + MICRO]))
            for start in range(0, len(ids), MICRO)
        )
    return {
        "rows": len(prompts),
        "tokens_per_prompt": round(statistics.mean(prompt.prompt_length for prompt in prompts), 1),
        "tokens_per_answer": round(statistics.mean(len(prompt.answer_ids) for prompt in prompts), 1),
        "computed_per_row": {"padded": round(padded / len(prompts), 1), "trie": round(distinct / len(prompts), 1)},
    }


def _peak_mb(device: str) -> float:
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


if __name__ == "__main__":
    main()
