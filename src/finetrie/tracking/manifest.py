"""What a run was made with: versions, machine, git commit, and the hashes the caller adds."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from finetrie.files import write_json

PACKAGES = (
    "finetrie",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "scikit-learn",
)
"""Distributions whose version can change a number of a run."""


def environment(*, gpus: Sequence[str] | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Facts about this machine and installation, ready for JSON; imports nothing heavy.

    Args:
        gpus: names of the GPUs in use; default: asked of torch, if it is imported already.
        folder: whose git commit counts; default: the current one.

    Returns:
        "python", "platform", "packages" (name → version or None), "cpu" (name, cores this process may use,
        memory in bytes or None), "gpus" (names) and "git" (commit and whether files differ from it, or None).
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "cpu": {"name": _cpu_name(), "cores": _cores(), "memory_bytes": _memory_bytes()},
        "gpus": list(gpus) if gpus is not None else _gpu_names(),
        "git": _git(folder or Path.cwd()),
    }


def write_manifest(path: Path, **facts: Any) -> dict[str, Any]:
    """Write and return `{"created": ..., "environment": {...}, **facts}`; a fact named "environment" wins."""
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    manifest = {"created": created, **facts}
    manifest.setdefault("environment", environment())
    write_json(path, manifest)
    return manifest


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cores() -> int:
    """Cores this process may use, which in a container is often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    """The processor's marketing name where the system tells it, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf, some systems not these names
        return None


def _gpu_names() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _git(folder: Path) -> dict[str, Any] | None:
    """The commit `folder` stands at; None outside a repository or without git."""

    def ask(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(ask("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return None
