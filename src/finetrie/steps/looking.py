"""Init: look at labelled files, say what they are, and write a short run file for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tomli_w

from finetrie.config import parse_run
from finetrie.data.detect import Detected, choose_files, inspect, run_values
from finetrie.errors import OutputError
from finetrie.files import write_text
from finetrie.steps.progress import Progress, Quiet

MODEL = "Qwen/Qwen2.5-1.5B-Instruct"

SMALL_BYTES = 200 << 20
SMALL = {
    "tuning": {"method": "lora", "rank": 16},
    "training": {"epochs": 3, "batch_size": 16, "learning_rate": 2e-3, "schedule": "cosine"},
}
"""What a model of a few million weights needs to learn anything. The defaults are for a thousand times as many."""


def init(
    data: Sequence[Path | str],
    *,
    model: str = MODEL,
    out: Path = Path("finetrie.toml"),
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a run file for labelled files; returns its path.

    What was detected (format, task, columns, labels, lengths) goes to `progress` as notices, and the choices to
    the file, so that they can be read and changed.

    Raises:
        DataError: a file cannot be read, or its columns are not recognised.
        OutputError: `out` exists and `force` is not set.
    """
    progress = progress or Quiet()
    if out.exists() and not force:
        raise OutputError(f"{out}: exists already", fix="choose another name with --out, or replace it with --force")
    files = choose_files(list(data))
    found = inspect(files["train"])
    for line in _said(found):
        progress.notice(line)
    values = run_values(list(data), detected=found, relative_to=out.parent)
    tree = {**values, "model": {"base": model, "max_tokens": _max_tokens(found)}}
    if _is_small(model):
        tree |= SMALL
        progress.notice(f"{model} is a very small model: rank and learning rate are set for it")
    parse_run(tree)  # a file that we write must be one that we read
    write_text(out, tomli_w.dumps(tree))
    return out


def _said(found: Detected) -> list[str]:
    """What the training file is, for a person."""
    columns = f"text {found.text!r}" + (f", target {found.target!r}" if found.target else "")
    if found.options:
        columns += f", candidates {found.options!r}"
    lines = [
        f"{found.path}: {found.rows} rows, {found.format}, {found.encoding}, {found.language}; {found.kind}: {columns}"
    ]
    if found.labels:
        shown = ", ".join(f"{label} {count}" for label, count in list(found.labels.items())[:12])
        more = f", and {len(found.labels) - 12} more" if len(found.labels) > 12 else ""
        unit = "entities" if found.kind == "ner" else "rows"
        lines.append(f"{len(found.labels)} labels ({unit} each): {shown}{more}")
    if found.rejected:
        listed = ", ".join(f"{count} {rule}" for rule, count in found.rejected.items())
        lines.append(f'rows that cannot be used: {listed}; they stop a run unless data.on_bad_row = "reject"')
    return [*lines, *found.notices]


def _is_small(model: str) -> bool:
    """Whether a model is the embedded one, or a folder with less than 200 MB of weights."""
    if model == "finetrie/tiny":
        return True
    sizes = [path.stat().st_size for path in Path(model).glob("*.safetensors")] if Path(model).is_dir() else []
    return 0 < sum(sizes) < SMALL_BYTES


def _max_tokens(found: Detected) -> int:
    """Room for nearly all texts: a Chinese character is about one token at most, an English one a third.

    Entities are said again in the answer, with their markup, which takes about as much as the text twice over.
    """
    characters = (found.length or {}).get("p95", 200) * (3 if found.kind == "ner" else 1)
    needed = 160 + characters * (1.0 if found.language == "zh" else 0.35)
    return next(size for size in (256, 384, 512, 1024, 2048) if size >= min(needed, 2048))
