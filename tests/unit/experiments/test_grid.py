"""Cells have names that say what they are and never change."""

from __future__ import annotations

import pytest

from finetrie.errors import ConfigError
from finetrie.experiments.grid import Cell, Grid, Method, slug

METHODS = (
    Method("zero_shot", "baseline", trains=False),
    Method("lora", "tuned"),
    Method("tfidf", "baseline", asks_model=False),
)


def test_every_cell_has_a_name_of_its_own_and_what_is_not_trained_stands_once() -> None:
    cells = list(Grid((100, 500), (0, 1), METHODS, ("finetrie/tiny", "/models/qwen"), ("epochs", "steps"), 64).cells())
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names) == 2 + 2 * 2 * (2 * 2 + 1)
    assert names[:3] == ["zero_shot-finetrie_tiny", "zero_shot-qwen", "lora-finetrie_tiny-n100-seed0"]
    assert "lora-qwen-n500-64steps-seed1" in names
    assert "tfidf-n500-seed1" in names
    sizes = [cell.size for cell in cells if cell.size is not None]
    assert sizes == sorted(sizes), "a curve grows from its left end"


def test_more_sizes_seeds_or_models_rename_nothing() -> None:
    small = {cell.name for cell in Grid((100,), (0,), METHODS, ("finetrie/tiny",)).cells()}
    large = {cell.name for cell in Grid((50, 100), (0, 1), METHODS, ("finetrie/tiny", "other/base")).cells()}
    assert small < large


def test_points_of_one_curve_share_method_model_and_budget() -> None:
    cells = [Cell("lora", "tuned", "m", size, seed, "epochs") for size in (1, 2) for seed in (0, 1)]
    assert {cell.series for cell in cells} == {("lora", "m", "epochs")}


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("finetrie/tiny", "finetrie_tiny"),
        ("hf:Qwen/Qwen2.5-1.5B-Instruct", "hf_Qwen_Qwen2.5_1.5B_Instruct"),
        ("/data/models/glm-4/", "glm_4"),
        ("./models/glm", "glm"),
    ],
)
def test_a_model_gives_a_folder_its_name(model: str, folder: str) -> None:
    assert slug(model) == folder


@pytest.mark.parametrize(
    ("methods", "models"),
    [((METHODS[1], METHODS[1]), ("a/b",)), ((METHODS[1],), ("/x/base", "/y/base"))],
    ids=["methods", "models"],
)
def test_names_that_clash_are_told(methods: tuple[Method, ...], models: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="stands there twice"):
        Grid((1,), (0,), methods, models)
