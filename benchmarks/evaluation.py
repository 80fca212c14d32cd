"""Label scoring against one-at-a-time generation, in one run: rows per second of both.

    OMP_NUM_THREADS=2 python benchmarks/evaluation.py

Rows are TNEWS headlines; the prompt lists 15 options first. The model has the shape of Qwen2.5-0.5B, random
weights and a LoRA of rank 8. It is first tuned for a few steps on the training file, so that it answers
in the form of a label, as a tuned model does; which label it says means nothing. `--tune 0` leaves the
distributions flat over the whole vocabulary: the worst case for a search that stops when the answer is proven.

Scoring gives more than generation: the proven most probable label, the constrained answer and, in the
variant `probabilities`, the whole distribution over the labels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import transformers
from shape import QWEN_05B
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from finetrie.files import write_text
from finetrie.inference import LocalEngine
from finetrie.prompts import Renderer
from finetrie.records import Example, Prompt
from finetrie.tasks.classification import Classification
from finetrie.trie import default_budget, pack, pack_loss, plan
from finetrie.tuning.lora import Lora

ROOT = Path(__file__).parents[1]


def main() -> None:
    options = _options()
    torch.manual_seed(0)
    renderer, prompts, lessons = _prompts(options.shared, rows=options.rows)
    model = Qwen2ForCausalLM(Qwen2Config(**{**QWEN_05B, **options.shape})).to(torch.bfloat16)
    model = Lora(rank=8, alpha=32).prepare(model)
    _tune(model, lessons, steps=options.tune)
    model.eval()
    longest = max(len(renderer.label_ids(label)) for label in renderer.task.labels)

    engine = LocalEngine(model, renderer)
    candidates = [renderer.task.labels] * len(prompts)
    kinds: dict[str, Callable[[], Any]] = {
        "argmax": lambda: list(engine.score(prompts, candidates, decodings=("argmax", "constrained"))),
        "probabilities": lambda: list(
            engine.score(prompts, candidates, decodings=("argmax", "constrained", "probabilities"))
        ),
        "all": lambda: list(engine.score(prompts, candidates)),
    }
    alone = prompts[:: max(1, len(prompts) // options.alone)][: options.alone]
    list(engine.score(prompts[:2], candidates[:2]))  # first calls allocate and choose kernels
    _generate(model, alone[0], limit=longest, stop_ids=renderer.stop_ids)

    results: dict[str, Any] = {}
    started = perf_counter()
    said = [_generate(model, prompt, limit=longest, stop_ids=renderer.stop_ids) for prompt in alone]
    results["generate_one_at_a_time"] = _rate(len(alone), perf_counter() - started)
    for name in options.variants:
        with _counted(model) as passes:
            started = perf_counter()
            scores = kinds[name]()
            results[name] = _rate(len(prompts), perf_counter() - started)
        results[name]["tokens_per_row"] = round(sum(passes) / len(prompts), 2)
        results[name]["times_generate"] = round(
            results[name]["rows_per_second"] / results["generate_one_at_a_time"]["rows_per_second"], 2
        )
        if name == "all":
            free = {score.id: score.free for score in scores}
            agree = [free[p.id] == renderer.completion(ids) for p, ids in zip(alone, said, strict=True)]
            results[name]["free_equals_generate"] = f"{sum(agree)} of {len(agree)}"  # bf16 rounds: ties can fall apart
        if name == "probabilities":
            results[name]["mean_mass_in_label_set"] = round(statistics.mean(score.mass for score in scores), 4)
    record = {
        "benchmark": "evaluation",
        "rows": len(prompts),
        "rows_alone": len(alone),
        "tokens_per_prompt": round(statistics.mean(p.prompt_length for p in prompts), 1),
        "longest_label_tokens": longest,
        "tuning_steps": options.tune,
        "model": {**QWEN_05B, **options.shape},
        "dtype": "bfloat16",
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "results": results,
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    print(text)
    if options.out:
        write_text(options.out, text + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--alone", type=int, default=40, help="rows generated one at a time; the rate is compared")
    parser.add_argument("--tune", type=int, default=60, metavar="STEPS", help="steps of tuning first; 16 rows each")
    parser.add_argument("--variants", nargs="+", default=["argmax", "probabilities", "all"])
    parser.add_argument("--shape", type=json.loads, default={}, help="changes of the model's shape, as JSON")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("FINETRIE_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--out", type=Path, default=None, help="for example benchmarks/results/evaluation.json")
    return parser.parse_args()


def _prompts(shared: Path, *, rows: int) -> tuple[Renderer, list[Prompt], list[Prompt]]:
    """The renderer, unlabelled prompts of the test file and labelled ones of the training file."""
    splits = {}
    for name in ("test", "train"):
        lines = [json.loads(line) for line in (shared / f"data/tnews/{name}.jsonl").read_text("utf-8").splitlines()]
        splits[name] = [Example(f"{name} {i}", row["sentence"], row["label_desc"], name) for i, row in enumerate(lines)]
    labels = tuple(sorted({str(example.target) for example in splits["train"]}))
    tokenizer = AutoTokenizer.from_pretrained(shared / "tokenizers/qwen2.5")
    renderer = Renderer(tokenizer, Classification(labels), max_tokens=384)
    step = max(1, len(splits["test"]) // rows)
    asked = [renderer.render(example, labelled=False) for example in splits["test"][::step][:rows]]
    learned = [renderer.render(example) for example in splits["train"]]
    return renderer, [p for p in asked if isinstance(p, Prompt)], [p for p in learned if isinstance(p, Prompt)]


def _tune(model: Any, lessons: list[Prompt], *, steps: int, rows: int = 16) -> None:
    """A short training of the adapter and of the tied embedding, without which a random model hardly learns."""
    model.get_input_embeddings().weight.requires_grad_(True)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.0)
    order = torch.randperm(len(lessons)).tolist()
    for step in range(steps):
        batch = [lessons[order[(step * rows + i) % len(order)]] for i in range(rows)]
        sequences, supervised = [p.ids for p in batch], [p.supervised for p in batch]
        count = sum(map(sum, supervised))
        total = 0.0
        for group in plan(sequences, budget_tokens=default_budget("cpu")):
            packed = pack([sequences[i] for i in group], [supervised[i] for i in group])
            loss = pack_loss(model, packed) / count
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        print(f"tuning step {step + 1} of {steps}: loss {total:.3f}", file=sys.stderr, flush=True)


@torch.inference_mode()
def _generate(model: Any, prompt: Prompt, *, limit: int, stop_ids: frozenset[int]) -> list[int]:
    ids = torch.tensor([prompt.prompt_ids])
    stop = sorted(stop_ids)
    settings = GenerationConfig(do_sample=False, max_new_tokens=limit, eos_token_id=stop, pad_token_id=stop[0])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    said: list[int] = out[0, ids.shape[1] :].tolist()
    return said


@contextmanager
def _counted(model: Any) -> Iterator[list[int]]:
    """Tokens of every forward pass, padding included."""
    passes: list[int] = []
    handle = model.get_input_embeddings().register_forward_hook(
        lambda module, args, out: passes.append(args[0].numel())
    )
    try:
        yield passes
    finally:
        handle.remove()


def _rate(rows: int, seconds: float) -> dict[str, Any]:
    return {"rows": rows, "seconds": round(seconds, 3), "rows_per_second": round(rows / seconds, 3)}


if __name__ == "__main__":
    main()
