"""A run and its directory: which directory belongs to which settings, and what is done in it already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from finetrie.config import Run, load_run, save_run
from finetrie.data.dataset_info import FILE as DATASET_INFO
from finetrie.data.dataset_info import content_hash
from finetrie.data.policy import read_classifier
from finetrie.errors import CheckpointError, ConfigError, DataError, suggest
from finetrie.files import file_hash, read_json, text_hash, write_json
from finetrie.tracking.manifest import environment
from finetrie.tracking.rundir import RunDir

IDENTITY = ("data", "prepare", "task", "model", "tuning", "training")
"""The sections that decide what is trained. The others may change without a new run directory."""

FILES = (("data", "train"), ("data", "dev"), ("data", "test"), ("prepare", "policy"), ("prepare", "decisions"))
"""Settings that name a file: what counts is what is in it."""


BESIDE = "relative paths start at the run file"


@dataclass(frozen=True)
class Workspace:
    """A run and the directory its results live in."""

    run: Run
    files: RunDir
    identity: Mapping[str, Any]  # the settings and data that decide what is trained

    @property
    def path(self) -> Path:
        return self.files.path

    def manifest(self) -> dict[str, Any]:
        return dict(read_json(self.files.manifest)) if self.files.manifest.exists() else {}

    def begin(self) -> None:
        """Write what the run is: its settings, and a manifest without a finished stage. The run must be locked."""
        for left in self.files.data.glob(".*.tmp"):  # a file that a killed process was writing
            left.unlink(missing_ok=True)
        write_json(self.files.manifest, {"created": now(), "identity": self.identity, "stages": {}, **environment()})
        save_run(self.run, self.files.run_file)

    def done(self, stage: str) -> Mapping[str, Any] | None:
        """What the manifest says of a finished stage; None where it is not finished."""
        facts: Mapping[str, Any] | None = self.manifest().get("stages", {}).get(stage)
        return facts

    def finish(self, stage: str, **facts: Any) -> None:
        """Note that a stage is finished. Everything it wrote must be on disk by now."""
        manifest = self.manifest()
        stages = {**manifest.get("stages", {}), stage: {"finished": now(), **facts}}
        write_json(self.files.manifest, {**manifest, "stages": stages})


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def open_workspace(
    source: Run | Path | str, *, out: Path | None = None, overrides: Sequence[str] = (), create: bool = True
) -> Workspace:
    """Find or make the directory of a run.

    Args:
        source: a run file, a run directory, or a `Run`.
        out: the directory; by default `runs/NAME-HASH`, where the hash covers the settings and the data.
        overrides: `section.key=value`, for a run file only.
        create: whether the run may still be to be begun; nothing is written before it is.

    Raises:
        ConfigError: the run file is wrong, or settings are overridden in a finished directory.
        CheckpointError: the directory belongs to other settings or data.
    """
    if not isinstance(source, Run) and Path(source).is_dir():
        return _existing(Path(source), overrides)
    if not isinstance(source, Run):
        must_be_there(Path(source))
    run = source if isinstance(source, Run) else load_run(Path(source), overrides)
    identity = _identity(run)
    directory = out or Path("runs") / _name(run, identity)
    files = RunDir(directory)
    workspace = Workspace(run, files, identity)
    if files.manifest.exists():
        _must_match(workspace)
        if workspace.manifest().get("stages"):  # else it was killed before it was prepared, and begins again
            save_run(run, files.run_file)  # what does not decide the training may have changed
    elif directory.is_dir() and any(not entry.name.startswith(".") for entry in directory.iterdir()):
        raise CheckpointError(
            f"{directory}: is not empty and not a run directory", fix="choose another folder with --out"
        )
    elif not create:
        raise CheckpointError(f"{directory}: no such run directory", fix="train first: finetrie run RUN.toml")
    return workspace


def must_be_there(path: Path) -> None:
    """A mistyped run directory is not a run file that is missing: only a name in .toml is taken for one."""
    if path.exists() or path.suffix == ".toml":
        return
    beside = sorted(p.name for p in path.parent.iterdir() if p.is_dir()) if path.parent.is_dir() else []
    raise CheckpointError(
        f"{path}: no such run directory or run file{suggest(path.name, beside)}",
        fix="correct the path; finetrie run RUN.toml prints a run directory, finetrie init DATA writes a run file",
    )


def _existing(directory: Path, overrides: Sequence[str]) -> Workspace:
    files = RunDir.open(directory)
    if overrides:
        raise ConfigError("--set works on a run file; the settings of a run directory are what was trained")
    workspace = Workspace(load_run(files.run_file), files, {})
    return replace(workspace, identity=workspace.manifest().get("identity", {}))


def _identity(run: Run) -> dict[str, Any]:
    """What makes two runs the same run: the settings that matter, and the bytes of the data."""
    settings = {name: getattr(run, name).model_dump(mode="json") for name in IDENTITY}
    hashes = {}
    for section, name in FILES:
        path = settings[section].pop(name)
        if path is not None:
            try:
                hashes[name] = content_hash(Path(path))
            except (FileNotFoundError, IsADirectoryError):
                what = f"a folder without {DATASET_INFO}" if Path(path).is_dir() else "no such file"
                raise DataError(path, None, what, fix=f"correct {section}.{name} in the run file") from None
    policy = run.prepare.policy
    if policy is not None and (asked := read_classifier(policy)) is not None:
        hashes["classifier"] = _run_hash(
            asked.run, f"{asked.file}: [classifier] run", f"relative paths start at {asked.file.parent}"
        )
    if (model := settings["prepare"].pop("entity_model")) is not None:
        hashes["entity_model"] = _run_hash(model, "prepare.entity_model", BESIDE)
    return {**settings, "files": hashes}


def _run_hash(directory: Path | str, setting: str, start: str) -> str:
    """Of what another run answers with: its settings, its prompts, and the bytes of its weights."""
    files = named_run(directory, setting, start)
    folders = [folder for folder in (files.adapter, files.model) if folder.is_dir()]
    weights = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    parts = [path for path in (files.run_file, files.prompt, *weights) if path.is_file()]
    hashes = {path.relative_to(files.path).as_posix(): file_hash(path) for path in parts}
    return text_hash(json.dumps(hashes, sort_keys=True))


def named_run(directory: Path | str, setting: str, start: str) -> RunDir:
    """The run that a setting names; raises CheckpointError, which tells the setting, where it is none."""
    try:
        return RunDir.open(Path(directory))
    except CheckpointError as error:
        raise CheckpointError(
            f"{setting}: {error.args[0].partition(chr(10))[0]}",
            fix=f"name the folder that finetrie run printed; {start}",
        ) from None


def _name(run: Run, identity: Mapping[str, Any]) -> str:
    digest = text_hash(json.dumps(identity, sort_keys=True, ensure_ascii=False))
    train = Path(run.data.train)
    stem = train.parent.name if train.stem in ("train", "training", "data") and train.parent.name else train.stem
    stem = stem.rpartition("#")[2]
    return f"{stem}-{run.tuning.method}-{digest[:8]}"


def _must_match(workspace: Workspace) -> None:
    stored = workspace.manifest().get("identity", {})
    plain = json.loads(json.dumps(workspace.identity))
    changed = [
        f"{section}.{key}"
        for section in plain
        for key in {*plain[section], *stored.get(section, {})}
        if plain[section].get(key) != stored.get(section, {}).get(key)
    ]
    if changed:
        raise CheckpointError(
            f"{workspace.path}: holds another run; it differs in {', '.join(sorted(changed))}",
            fix="choose another folder with --out, or remove this one",
        )
