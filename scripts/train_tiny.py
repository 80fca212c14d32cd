"""Train `finetrie/tiny`, the embedded base model, from a seed: vocabulary, weights and model card.

    python scripts/train_tiny.py                       # into the package itself; well under two hours on two CPU cores
    python scripts/train_tiny.py --steps 100 --out /tmp/tiny

Progress goes to standard output. Needs torch 2.9 or newer for its Muon optimiser.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tiny_card
import tiny_text
import tiny_tokenizer
import torch
from torch.nn import functional as F
from transformers import Qwen2Config, Qwen2ForCausalLM

PACKAGE = Path(__file__).parents[1] / "src" / "finetrie" / "models" / "tiny"
SEED = 7
BATCH_TOKENS = 2048
LENGTH = 256
LAST_LENGTH = 512  # the last steps see longer sequences
LAST_SHARE = 0.12
MUON_RATE, ADAM_RATE = 3e-3, 2e-3
PROTECTED_STEPS = 600
ARCHITECTURE = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    "tie_word_embeddings": True,
    "use_sliding_window": False,
}


def packed(tokenizer: Any, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless (ids, heeded) blocks of one batch: the documents one after another, `heeded` where loss is taken."""
    documents = tiny_text.documents(seed)
    ids: list[int] = []
    heeded: list[bool] = []
    while True:
        while len(ids) <= BATCH_TOKENS:
            parts = [part for _ in range(64) for part in next(documents)]
            encoded = tokenizer([text for text, _ in parts], add_special_tokens=False)["input_ids"]
            for piece, (_, heed) in zip(encoded, parts, strict=True):
                ids += piece
                heeded += [heed] * len(piece)
        yield np.array(ids[: BATCH_TOKENS + 1]), np.array(heeded[: BATCH_TOKENS + 1])
        ids, heeded = ids[BATCH_TOKENS:], heeded[BATCH_TOKENS:]


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: short warm-up, plateau, straight descent over the last 60 %."""
    return min(1.0, (step + 1) / 25, (steps - step) / (0.6 * steps))


def start_copying(model: Any) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Set the first two layers so that the untrained model already continues what it has seen before.

    Copying ("induction") needs two heads that work together, and gradient descent takes long to find both. Here the
    first layer's head 0 looks one token back (head 1: two) and writes what it sees into a subspace of its own; the
    second layer's head 0 looks for places whose previous token is the current one and adds the token found there.

    Looking back needs only biases: an equal key bias everywhere and a query bias turned by d steps of rotary
    embedding score `sum_i a^2 cos(theta_i (distance - d))`, greatest at distance d. Matching uses the slow pairs of the
    rotary embedding, which hardly turn over a text. All other writes to the residual stream start at zero.

    Returns the parameters that carry this, each with a mask that is 0 on the part in use: large first steps would
    undo it before the rest of the model makes use of it.
    """
    layers, width = model.model.layers, model.config.hidden_size
    half = layers[0].self_attn.head_dim // 2
    theta = model.model.rotary_emb.inv_freq.float()
    slow = torch.cat([torch.arange(18, half), half + torch.arange(18, half)])
    basis = torch.linalg.qr(torch.randn(width, width)).Q.T  # orthonormal rows: what is matched, noted and copied
    n = len(slow)
    matched, noted, copied = basis[:n], basis[n : 2 * n], basis[2 * n : 2 * n + 2 * half]
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(3.0)
        for layer in layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        first, second = layers[0].self_attn, layers[1].self_attn
        amplitude, fast = 6.0, 10
        first.k_proj.bias[:fast] = amplitude
        for head, distance in enumerate((1, 2)):
            query = first.q_proj.bias[head * 2 * half : (head + 1) * 2 * half]
            query[:fast] = amplitude * torch.cos(distance * theta[:fast])
            query[half : half + fast] = -amplitude * torch.sin(distance * theta[:fast])
        first.v_proj.weight[:n] = matched
        first.o_proj.weight[:, :n] = 0.3 * noted.T
        second.q_proj.weight[: 2 * half] = 0.0
        second.k_proj.weight[: 2 * half] = 0.0
        second.q_proj.weight[slow] = 1.6 * matched
        second.k_proj.weight[slow] = 1.6 * noted
        second.v_proj.weight[: 2 * half] = copied
        second.o_proj.weight[:, : 2 * half] = 0.5 * copied.T
    rows, columns, heads = (slice(0, 2 * half),), (slice(None), slice(0, 2 * half)), (slice(0, 4 * half),)
    used: list[tuple[torch.nn.Parameter, tuple[slice, ...]]] = [
        (first.q_proj.bias, heads),
        (first.q_proj.weight, heads),
        (first.k_proj.bias, rows),
        (first.k_proj.weight, rows),
        (first.v_proj.weight, rows),
        (first.o_proj.weight, columns),
        (second.q_proj.weight, rows),
        (second.k_proj.weight, rows),
        (second.v_proj.weight, rows),
        (second.o_proj.weight, columns),
    ]
    masks = []
    for parameter, part in used:
        mask = torch.ones_like(parameter)
        mask[part] = 0.0
        masks.append((parameter, mask))
    return masks


def optimisers(model: Any) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings, biases and norms."""
    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    outer = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(inner, lr=MUON_RATE, weight_decay=0.02, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(outer, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def gradients(model: Any, ids: torch.Tensor, heeded: torch.Tensor, length: int, pool: Executor) -> float:
    """Set `.grad` of every parameter for one block cut into rows of `length`; returns the mean loss.

    The rows are shared among two Python threads with one core each, which on a busy machine is far quicker than two
    threads inside every operation; the sum has a fixed order, so the result does not depend on timing.
    """
    inputs, targets, keep = ids[:-1].view(-1, length), ids[1:].view(-1, length), heeded[1:].view(-1, length)
    total = max(1, int(keep.sum()))
    parameters = list(model.parameters())

    def share(rows: slice) -> tuple[float, tuple[torch.Tensor, ...]]:
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            hidden = model.model(input_ids=inputs[rows], use_cache=False).last_hidden_state
            logits = F.linear(hidden[keep[rows]], model.lm_head.weight)
        loss = F.cross_entropy(logits.float(), targets[rows][keep[rows]], reduction="sum") / total
        return loss.item(), torch.autograd.grad(loss, parameters)

    middle = len(inputs) // 2
    (first, left), (second, right) = pool.map(share, (slice(0, middle), slice(middle, None)))
    for parameter, one, other in zip(parameters, left, right, strict=True):
        parameter.grad = one + other
    return first + second


def train(steps: int, seed: int, *, out: Path, snapshots: int = 0) -> tuple[Any, Any, dict[str, Any]]:
    """The trained model and its tokenizer, and the figures of the model card."""
    started = time.monotonic()
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer.train()
    config = Qwen2Config(
        vocab_size=tiny_tokenizer.VOCABULARY,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **ARCHITECTURE,
    )
    model = Qwen2ForCausalLM(config).train()
    masks = start_copying(model)
    chosen = optimisers(model)
    peaks = [optimiser.param_groups[0]["lr"] for optimiser in chosen]
    blocks = packed(tokenizer, seed)
    losses: list[float] = []
    pool = ThreadPoolExecutor(2)
    for step in range(steps):
        for optimiser, peak in zip(chosen, peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * rate(step, steps)
        length = LAST_LENGTH if step >= (1 - LAST_SHARE) * steps else LENGTH
        ids, heeded = (torch.from_numpy(array) for array in next(blocks))
        losses.append(gradients(model, ids, heeded, length, pool))
        if step < PROTECTED_STEPS:
            for parameter, mask in masks:
                parameter.grad *= mask
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in chosen:
            optimiser.step()
            optimiser.zero_grad()
        if snapshots and step % snapshots == snapshots - 1 and step + 1 < steps:
            model.save_pretrained(out / f"step-{step + 1}")
            tiny_tokenizer.save(out / f"step-{step + 1}", tokenizer)
        if step % 20 == 19:
            seconds = time.monotonic() - started
            recent = sum(losses[-20:]) / 20
            speed = (step + 1) * BATCH_TOKENS / seconds
            print(f"step {step + 1}/{steps}  loss {recent:.3f}  {seconds:.0f} s  {speed:.0f} tokens/s", flush=True)
    figures = {
        "seed": seed,
        "steps": steps,
        "tokens": steps * BATCH_TOKENS,
        "parameters": sum(p.numel() for p in model.parameters()),
        "final_loss": round(sum(losses[-50:]) / max(1, len(losses[-50:])), 4),
        "seconds": round(time.monotonic() - started),
        "threads": 2,
        "torch": torch.__version__.split("+")[0],
    }
    return model.eval(), tokenizer, figures


def save(folder: Path, model: Any, tokenizer: Any, figures: dict[str, Any]) -> None:
    """Half-precision weights as safetensors, tokenizer, configuration and model card."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tiny_tokenizer.save(folder, tokenizer)
    (folder / "training.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    shape = {
        "layers": ARCHITECTURE["num_hidden_layers"],
        "width": ARCHITECTURE["hidden_size"],
        "heads": ARCHITECTURE["num_attention_heads"],
        "kv": ARCHITECTURE["num_key_value_heads"],
        "vocabulary": tiny_tokenizer.VOCABULARY,
        "hanzi": len(tiny_text.HANZI),
        "length": LENGTH,
        "last_length": LAST_LENGTH,
        "batch": BATCH_TOKENS,
    }
    (folder / "README.md").write_text(tiny_card.card(figures, shape), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=PACKAGE, help="folder to write to")
    parser.add_argument("--steps", type=int, default=2800)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--snapshots", type=int, default=0, help="also keep the model of every so many steps, beside it"
    )
    arguments = parser.parse_args()
    save(arguments.out, *train(arguments.steps, arguments.seed, out=arguments.out, snapshots=arguments.snapshots))


if __name__ == "__main__":
    main()
