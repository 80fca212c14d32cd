"""The run files of examples/ are what they say they are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from finetrie.baselines import baseline_from
from finetrie.config import LoraSettings, Run, load_run
from finetrie.steps.mix_file import load_mix
from finetrie.steps.recipe_file import load_recipe, recipe_from

EXAMPLES = Path(__file__).parents[2] / "examples"
REFERENCE = {
    "model": {"base": "Qwen/Qwen2.5-1.5B-Instruct", "max_tokens": 384, "dtype": "bf16"},
    "tuning": {
        "method": "lora",
        "rank": 8,
        "alpha": 32.0,
        "dropout": 0.1,
        "targets": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    },
    "training": {
        "epochs": 2.0,
        "batch_size": 16,
        "micro_batch": 4,
        "learning_rate": 1e-4,
        "precision": "bf16",
        "gradient_checkpointing": True,
        "save_every": 100,
        "log_every": 10,
    },
}
"""The settings both experiments were published with."""


def run_files() -> list[Path]:
    return sorted(EXAMPLES.rglob("run.toml"))


@pytest.mark.parametrize("path", run_files(), ids=lambda path: path.parent.name)
def test_every_example_run_file_fits_the_schema_and_has_a_page_beside_it(path: Path) -> None:
    run = load_run(path)
    assert Path(run.data.train).parent == path.parent
    page = (path.parent / "README.md").read_text(encoding="utf-8")
    assert f"finetrie run {path.name}" in page


@pytest.mark.parametrize("path", run_files(), ids=lambda path: path.parent.name)
def test_overrides_named_on_the_page_fit_the_schema(path: Path) -> None:
    words = (path.parent / "README.md").read_text(encoding="utf-8").replace("`", " ").split()
    overrides = [word.rstrip(".:,") for before, word in pairwise(words) if before == "--set"]
    assert overrides
    assert load_run(path, overrides).model.base == "finetrie/tiny"


@pytest.mark.parametrize(
    ("name", "kind", "data_format", "wording"),
    [("j1_news_classification", "classification", "fudan", "fudan_news"), ("j2_ner", "ner", "ccf", "ccf_ner")],
)
def test_the_published_experiments_keep_their_settings(name: str, kind: str, data_format: str, wording: str) -> None:
    run = load_run(EXAMPLES / name / "run.toml")
    assert (run.task.kind, run.data.format, run.task.wording) == (kind, data_format, wording)
    assert isinstance(run.tuning, LoraSettings)
    assert {section: chosen(run, section, settings) for section, settings in REFERENCE.items()} == REFERENCE
    assert run.tracking.swanlab != "off"


def test_the_files_about_instruction_data_fit_their_schemas() -> None:
    """Their commands are carried out in tests/e2e/test_instruction_data.py."""
    folder = EXAMPLES / "j3_instruction_data"
    asked = load_recipe(folder / "write.toml", {})
    assert recipe_from(asked.recipe, "zh").prompt.origin == str(folder / "prompt.txt")
    mixed = load_mix(folder / "mix.toml", {})
    assert Path(asked.source.data).is_file()
    made = {Path(asked.output.path)}
    assert all(Path(source.path).is_file() for source in mixed.sources if Path(source.path) not in made)


def chosen(run: Run, section: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(getattr(run, section), key) for key in settings}


def test_the_published_curve_keeps_its_settings_and_its_small_twin_its_shape() -> None:
    run = load_run(EXAMPLES / "j5_how_much_data/run.toml")
    assert isinstance(run.tuning, LoraSettings)
    assert (run.tuning.rank, run.tuning.alpha, run.tuning.dropout) == (8, 16.0, 0.0)
    training = run.training
    assert (training.epochs, training.learning_rate, training.schedule) == (3.0, 5e-5, "cosine")
    assert (training.micro_batch, training.batch_size, run.model.max_tokens) == (2, 8, 1024)
    assert run.curve.sizes == [100, 500, 1000, 2000]
    for path in sorted((EXAMPLES / "j5_how_much_data").rglob("run.toml")):
        for asked in load_run(path).curve.baselines or ():
            assert baseline_from(asked).name
        assert f"finetrie curve {path.name}" in (path.parent / "README.md").read_text(encoding="utf-8")
