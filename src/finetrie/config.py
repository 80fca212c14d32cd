"""The run file: one TOML table a section, no unknown keys, every problem in one message.

Commands read it; everything below them takes plain arguments.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from finetrie.errors import ConfigError, suggest
from finetrie.files import write_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Section(BaseModel):
    """One table of the run file: no unknown keys, no silent type changes, no mutation."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Fraction = Annotated[float, Field(ge=0, lt=1)]


class Data(Section):
    """Which files, how to read them, and how they are divided."""

    train: str = Field(
        description="File with labelled rows, or FOLDER#NAME of a dataset_info.json. Relative paths start at the run "
        "file's folder."
    )
    test: str | None = Field(default=None, description="Held-out file; without it, test_fraction of train is held out.")
    dev: str | None = Field(
        default=None, description="File to choose checkpoints on; without it, dev_fraction of train."
    )
    test_fraction: Fraction = Field(default=0.2, description="Share of train held out when there is no test file.")
    dev_fraction: Fraction = Field(default=0.1, description="Share of train used to choose checkpoints.")
    format: str = Field(default="auto", description="Name from `finetrie info formats`, or auto.")
    encoding: str = Field(default="auto", description="utf-8, gb18030, utf-16, ... or auto.")
    text: str | None = Field(default=None, description="Column with the text; default: found by its name.")
    target: str | None = Field(default=None, description="Column with the label or entities; default: by its name.")
    options: str | None = Field(default=None, description="Column with the row's own candidate labels, if any.")
    on_bad_row: Literal["stop", "reject"] = Field(default="stop", description="What a row that cannot be used does.")
    reasoning: Literal["apart", "answer"] = Field(
        default="apart",
        description="A row's chain of thought: kept beside it, or trained as the beginning of a free answer.",
    )
    overlap: Literal["remove", "keep"] = Field(
        default="remove", description="What happens to training rows whose text also stands in test or dev."
    )
    train_rows: int | None = Field(default=None, ge=1, description="Train on a stratified sample of this many rows.")


Named = str | dict[str, Any]
"""A step or filter by its name, or a table of its `name` and its parameters."""


class Prepare(Section):
    """What is done to the rows before they are divided. Nothing, unless it is asked for.

    Rows are taken out of the training file only; dev and test files are cleaned and masked, and keep all of their rows.
    """

    clean: list[Named] = Field(
        default=[], description='Steps in order, such as "html" or {name = "urls", replace_by = "[URL]"}.'
    )
    filters: list[Named] = Field(default=[], description='Filters, such as {name = "characters", min = 5}.')
    policy: str | None = Field(
        default=None, description="File of word lists, and of a run that classifies: what to drop, mask or flag."
    )
    personal_data: list[str] = Field(default=[], description='Kinds to mask, such as "mobile"; ["all"] for all.')
    style: Literal["tag", "fake"] = Field(default="tag", description="What stands in place of personal data.")
    allow: list[str] = Field(default=[], description="Values that are not personal, such as a hotline.")
    entity_model: str | None = Field(
        default=None, description="A trained run that finds entities: its persons and addresses are personal data."
    )
    copies: Literal["keep", "exact", "near", "vector"] = Field(
        default="keep", description="Which copies of a row with the same label are dropped."
    )
    leaks: Literal["exact", "near", "vector"] = Field(
        default="exact", description="How alike a training row may not be to a row of dev or test."
    )
    vectors: str | None = Field(
        default=None,
        description='What "vector" compares by: offline (the default), sentence-transformers:FOLDER-OR-NAME, or '
        "http://HOST/v1#MODEL.",
    )
    similarity: float | None = Field(
        default=None, gt=0, le=1, description="Cosine from which vectors are alike; default: 0.6 offline, else 0.9."
    )
    decisions: str | None = Field(default=None, description="A review.jsonl that a person has filled in.")


class Task(Section):
    """What is asked, and in which words."""

    kind: Literal["classification", "ner", "instruction"] = Field(
        default="classification", description="One label a text; entities in a text; or a free answer."
    )
    labels: list[str] | None = Field(default=None, description="Default: read from the data, frozen in the run.")
    names: dict[str, str] = Field(default_factory=dict, description="label -> the words the model sees for it.")
    language: Literal["auto", "zh", "en"] = Field(default="auto", description="Language of the default instruction.")
    wording: str = Field(default="default", description="A named prompt: default, fudan_news, ccf_ner.")
    instruction: str | None = Field(default=None, description="Your own instruction instead of the wording's.")

    @field_validator("labels")
    @classmethod
    def _each_label_once(cls, labels: list[str] | None) -> list[str] | None:
        if labels is not None and (not labels or len(set(labels)) < len(labels)):
            raise ValueError("input should be at least one label, and each of them once")
        return labels


class Model(Section):
    """The base model and how much of a text it gets to see."""

    base: str = Field(default="finetrie/tiny", description="A folder, hf:owner/name, ms:owner/name, or finetrie/tiny.")
    revision: str | None = Field(default=None, description="Branch, tag or commit on the hub.")
    max_tokens: int = Field(default=512, ge=8, description="Prompt and answer together; only the text shrinks.")
    shorten: Literal["head", "tail", "head_tail"] = Field(default="head", description="Which part of the text stays.")
    reserve: int | None = Field(
        default=None, ge=1, description="Tokens kept free for the answer; default: from the longest training answer."
    )
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = Field(default="auto", description="auto: by hardware.")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = Field(
        default="sdpa", description="How transformers computes attention; the trie packs for sdpa."
    )
    chat_template: Literal["auto", "chatml"] = Field(default="auto", description="auto: the model's own, else ChatML.")


def _module_names(value: Any) -> Any:
    """One message for the whole union, where pydantic would give one for each member."""
    if value == "all-linear" or (isinstance(value, list) and value and all(isinstance(name, str) for name in value)):
        return value
    raise ValueError("input should be 'all-linear' or a list of module names")


class LoraSettings(Section):
    """Low-rank adapters: train two thin matrices per layer, freeze the rest. Hu et al. (2021), arXiv:2106.09685."""

    method: Literal["lora"] = "lora"
    rank: int = Field(default=8, ge=1, description="Width of the adapter.")
    alpha: float = Field(default=32.0, gt=0, description="The adapter's output is scaled by alpha / rank.")
    dropout: Fraction = Field(default=0.0, description="Share of the adapter's inputs set to zero in training.")
    targets: Annotated[list[str] | Literal["all-linear"], BeforeValidator(_module_names)] = Field(
        default="all-linear", description="Which linear layers get an adapter: their names, or all of them."
    )
    rslora: bool = Field(default=False, description="Scale by alpha / sqrt(rank); arXiv:2312.03732.")
    dora: bool = Field(default=False, description="Learn magnitude and direction apart; arXiv:2402.09353.")


class FullSettings(Section):
    """Train every weight."""

    method: Literal["full"] = "full"


METHODS: Mapping[str, type[Section]] = {"lora": LoraSettings, "full": FullSettings}


class Training(Section):
    """The optimiser's loop."""

    epochs: float = Field(default=3.0, gt=0, description="Passes over the training rows; 0.5 is half of them.")
    batch_size: int = Field(default=16, ge=1, description="Examples per optimiser step, over all devices.")
    micro_batch: int = Field(default=4, ge=1, description="Examples a forward pass where the trie cannot be used.")
    learning_rate: float = Field(default=1e-4, gt=0, description="Highest rate of the schedule.")
    schedule: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="How the rate falls after the warm-up: to zero, or not at all."
    )
    warmup_ratio: Fraction = Field(default=0.03, description="Share of the steps in which the rate climbs.")
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW's decoupled decay.")
    clip_norm: float = Field(default=1.0, ge=0, description="Largest gradient norm; 0 turns clipping off.")
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(default="auto", description="auto: the model's dtype.")
    gradient_checkpointing: bool = Field(default=False, description="Less memory, about a third more time.")
    trie: Literal["auto", "off"] = Field(default="auto", description="auto: share prompts where that is exact.")
    pack_tokens: int | None = Field(default=None, ge=1, description="Tokens a pack; default: from a cost model.")
    eval_every: int | None = Field(default=None, ge=1, description="Steps between dev evaluations; default: an epoch.")
    dev_rows: int = Field(default=500, ge=1, description="At most this many dev rows at each evaluation.")
    patience: int | None = Field(default=None, ge=1, description="Stop after this many evaluations without a gain.")
    save_every: int = Field(default=100, ge=1, description="Steps between checkpoints.")
    log_every: int = Field(default=10, ge=1, description="Steps between log lines and tracker points.")
    seed: int = Field(default=0, ge=0, description="Of the split, the order of rows, the new weights and dropout.")


class Evaluation(Section):
    """How answers are read and scored."""

    decoding: Literal["free", "constrained", "argmax"] = Field(
        default="free",
        description="Classification: which prediction the headline scores. free: what greedy generation says.",
    )
    max_new_tokens: int | None = Field(default=None, ge=1, description="Default: from the longest training answer.")
    confidence: float = Field(default=0.95, gt=0, lt=1, description="Level of every interval.")
    resamples: int = Field(default=10_000, ge=100, description="Bootstrap resamples.")
    zero_shot: int = Field(default=0, ge=0, description="Also ask the untuned base about this many test rows.")
    baselines: list[Named] | None = Field(
        default=None,
        description="What the model is measured beside, by name or as a table of name and settings; [] for nothing. "
        "Default: tfidf for classification, dictionary for entities.",
    )


class Tracking(Section):
    """Sinks beside events.jsonl."""

    swanlab: Literal["off", "offline", "cloud"] = Field(
        default="off", description="offline writes into the run directory, to be uploaded with swanlab sync."
    )
    project: str = Field(default="finetrie", description="Project the experiment appears under.")
    name: str | None = Field(default=None, description="Name of the experiment; default: the run directory's.")


class Report(Section):
    """The HTML page."""

    language: Literal["en", "zh"] = Field(default="en", description="Language of the page around your data.")


def _size(value: Any) -> Any:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("input should be a number of rows, or 'all'")


Size = Annotated[int | Literal["all"], BeforeValidator(_size)]


class Curve(Section):
    """The grid of `finetrie curve`; its options override these settings."""

    sizes: list[Size] = Field(
        default=[], description='Training rows of each point, "all" for all; default: an eighth, a quarter, half, all.'
    )
    seeds: int = Field(default=3, ge=1, description="Trainings a point, from training.seed on, each with its own rows.")
    methods: list[Named] | None = Field(
        default=None,
        description="Tuning methods by name, or a table of a name, settings of `[tuning]`, and `training = {...}`; "
        "[] for baselines only. Default: the run's own.",
    )
    models: list[str] = Field(default=[], description="Base models; default: the run's own.")
    baselines: list[Named] | None = Field(
        default=None, description="Baselines by name, or a table of name and settings; default: as in `[evaluation]`."
    )
    budget: Literal["epochs", "steps", "both"] = Field(
        default="epochs", description="Every size is trained for the same epochs, or for the same optimiser steps."
    )
    steps_at: int | None = Field(
        default=None, ge=1, description='The size whose optimiser steps "steps" gives to all; default: the largest.'
    )
    on: str = Field(default="here", description="here: one cell after another; ray; or the address of a Ray cluster.")
    cpus: int | None = Field(default=None, ge=1, description="Threads of a cell; default: the cores of this machine.")
    gpus: float = Field(default=0.0, ge=0, description="GPUs a cell asks Ray for; 0.5 lets two share one.")
    retries: int = Field(default=2, ge=0, description="How often a cell begins again whose Ray worker was lost.")


class Run(Section):
    """A whole run. `tuning` holds only the settings of the chosen method."""

    data: Data
    prepare: Prepare = Prepare()
    task: Task = Task()
    model: Model = Model()
    tuning: Annotated[LoraSettings | FullSettings, Field(discriminator="method")] = LoraSettings()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    tracking: Tracking = Tracking()
    report: Report = Report()
    curve: Curve = Curve()

    @model_validator(mode="before")
    @classmethod
    def _default_method(cls, tree: Any) -> Any:
        """`[tuning]` without a method means LoRA; pydantic's discriminator would demand the key."""
        if isinstance(tree, dict) and isinstance(tree.get("tuning"), dict) and "method" not in tree["tuning"]:
            return {**tree, "tuning": {"method": "lora", **tree["tuning"]}}
        return tree


def load_run(path: Path, overrides: Sequence[str] = ()) -> Run:
    """Read a TOML run file and apply `section.key=value` overrides, values in TOML syntax.

    Paths in `[data]` and a model folder are resolved against the run file's folder.

    Raises:
        ConfigError: one message that lists every problem, each with its dotted key.
    """
    tree = read_toml(path, fix="write one with: finetrie init DATA")
    return parse_run(tree, overrides, where=str(path), folder=path.parent)


def parse_run(
    tree: Mapping[str, Any], overrides: Sequence[str] = (), *, where: str = "run", folder: Path | None = None
) -> Run:
    """Check a nested mapping against the schema; `folder` resolves relative paths.

    Raises:
        ConfigError: one message that lists every problem, each with its dotted key.
    """
    merged: dict[str, Any] = {key: dict(value) if isinstance(value, Mapping) else value for key, value in tree.items()}
    for item in overrides:
        override(merged, item)
    run = parse(Run, merged, where=where)
    return resolve_paths(run, folder) if folder is not None else run


def read_toml(path: Path, *, fix: str) -> dict[str, Any]:
    """A TOML file as nested dictionaries; raises ConfigError, with `fix` where there is no such file."""
    try:
        tree: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return tree
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", fix=fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}", fix='text values need quotes: base = "..."') from None


S = TypeVar("S", bound=Section)


def parse(schema: type[S], tree: Mapping[str, Any], *, where: str, fix: str = "") -> S:
    """Check nested tables against a schema; raises ConfigError with every problem and its dotted key."""
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        problems = [_explain(problem, schema) for problem in error.errors()]
        raise ConfigError(f"{where}: {len(problems)} problem(s)\n  " + "\n  ".join(problems), fix=fix) from None


def dump_run(run: Run) -> str:
    """The run as TOML text, defaults included; `load_run` reads it back to an equal run."""
    tree = run.model_dump(mode="python", exclude_none=True)
    return tomli_w.dumps(tree)


def save_run(run: Run, path: Path) -> None:
    write_text(path, dump_run(run))


def resolve_paths(run: Run, folder: Path) -> Run:
    """Make data paths, and a model folder that exists, absolute, so that the run file can be moved."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str((folder / os.path.expanduser(path)).resolve())

    data = run.data.model_copy(update={name: absolute(getattr(run.data, name)) for name in ("train", "test", "dev")})
    prepare = run.prepare.model_copy(
        update={name: absolute(getattr(run.prepare, name)) for name in ("policy", "decisions", "entity_model")}
    )
    kind, _, local = (prepare.vectors or "").partition(":")
    if kind == "sentence-transformers" and (folder / os.path.expanduser(local)).is_dir():
        prepare = prepare.model_copy(update={"vectors": f"{kind}:{absolute(local)}"})
    model = run.model
    if (folder / os.path.expanduser(model.base)).is_dir():
        model = model.model_copy(update={"base": absolute(model.base)})
    folders = {base: (folder / os.path.expanduser(base)).is_dir() for base in run.curve.models}
    models = [(absolute(base) if local else base) or base for base, local in folders.items()]
    curve = run.curve.model_copy(update={"models": models})
    return run.model_copy(update={"data": data, "prepare": prepare, "model": model, "curve": curve})


def override(tree: dict[str, Any], item: str) -> None:
    """Set `section.key=value` in nested tables; the value is read as TOML. Raises ConfigError."""
    key, equals, value = item.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or len(path) != 2 or not all(path):
        raise ConfigError(f"--set {item!r}: expected section.key=value", fix="for example: --set training.epochs=1")
    table = tree.setdefault(path[0], {})
    if not isinstance(table, dict):
        raise ConfigError(f"--set {item!r}: {path[0]} is not a section")
    new = _toml_value(value.strip())
    if path == ["tuning", "method"] and new != table.get("method", "lora"):  # another method has other settings
        table.clear()
    table[path[1]] = new


def _toml_value(text: str) -> Any:
    """Read a value as TOML would; bare words are text, so that --set model.base=finetrie/tiny works."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(problem: Any, schema: type[BaseModel]) -> str:
    shown, known, choice = _place(schema, tuple(map(str, problem["loc"])))
    if problem["type"] == "extra_forbidden":
        return f"{shown}: no such setting{suggest(str(problem['loc'][-1]), known)} (known: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{shown}: is required"
    if problem["type"] == "union_tag_not_found":
        return f"{shown}.{choice}: is required (known: {', '.join(known)})"
    if problem["type"] == "union_tag_invalid":
        tag = problem["ctx"]["tag"]
        return f"{shown}.{choice}: no such {choice} {tag!r}{suggest(tag, known)} (known: {', '.join(known)})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{shown}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _place(schema: type[BaseModel], path: tuple[str, ...]) -> tuple[str, list[str], str]:
    """The dotted key as a file writes it, what is known there, and the setting that chooses among several tables.

    pydantic's path also names the chosen table (`tuning.lora.rank`) and counts the tables of a list from 0.
    """
    section: type[BaseModel] | None = schema
    shown: list[str] = []
    known: list[str] = []
    choice = ""
    rest = list(path)
    while rest:
        name = rest.pop(0)
        shown.append(name)
        known = list(section.model_fields) if section is not None else []
        field = section.model_fields.get(name) if section is not None else None
        if field is None:
            section = None
            continue
        kinds = get_args(field.annotation) or (field.annotation,)
        tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        section = tables[0] if tables else None
        if field.discriminator is not None:
            choice = str(field.discriminator)
            chosen = {str(table.model_fields[choice].default): table for table in tables}
            known = list(chosen)
            section = chosen.get(rest.pop(0)) if rest else None
        elif tables and get_origin(field.annotation) is list and rest:
            shown[-1] += f"[{int(rest.pop(0)) + 1}]"
    return ".".join(shown), known, choice
