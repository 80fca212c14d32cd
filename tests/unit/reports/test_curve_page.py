"""The page of a learning curve: what it says is what the files say, and it is always a page."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from finetrie.errors import OutputError
from finetrie.experiments.fitting import SENTENCES, Why
from finetrie.files import read_json, read_jsonl, write_json, write_jsonl
from finetrie.reports.curve_charts import Line, Spot, learning_curve, score_against_cost
from finetrie.reports.curve_page import write_curve_page
from finetrie.reports.curve_results import disagreements, load_curve
from finetrie.reports.curve_story import fates, gains, why
from finetrie.reports.words import LANGUAGES, Language, Words
from tests.unit.reports import curve_dirs
from tests.unit.reports.test_page import NASTY, Balance

AXES = {"rows": "rows", "cost": "cost", "score": "score"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished curve; tests that change it copy it first."""
    return curve_dirs.made(tmp_path_factory.mktemp("study") / "curve")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "curve"))


def page(folder: Path, language: Language = "en") -> str:
    return write_curve_page(folder, language=language).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(copy: Path, language: Language) -> None:
    html = page(copy, language)
    balance = Balance()
    balance.feed(html)
    assert balance.open == []
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_it_says_what_is_reached_what_is_beaten_and_what_more_rows_would_bring(copy: Path) -> None:
    html = page(copy)
    assert "With 400 labelled rows, lora reaches" in html
    assert "points more than tfidf, the best baseline, and more than chance explains" in html
    assert "With 800 rows one can expect about" in html


def test_a_better_baseline_is_called_the_better_choice(tmp_path: Path) -> None:
    skill = {**curve_dirs.SKILL, "tfidf": (0.4, 0.5)}
    html = page(curve_dirs.made(tmp_path / "curve", skill=skill))
    assert "points less than tfidf" in html
    assert "tfidf is the better choice here" in html


def test_a_difference_that_may_be_chance_is_called_open(tmp_path: Path) -> None:
    skill = {**curve_dirs.SKILL, "tfidf": (0.51, 0.4)}
    html = page(curve_dirs.made(tmp_path / "curve", skill=skill))
    assert "which may be chance" in html
    assert "do not show which of the two is better" in html


def test_a_small_p_is_written_once_and_differences_are_points_to_their_ends(copy: Path) -> None:
    curve: dict[str, Any] = read_json(copy / "curve.json")
    for test in curve["comparisons"]:
        test |= {"p": 0.0002, "p_holm": 0.0004, "interval": [-0.123, 0.045]}
    write_json(copy / "curve.json", curve)
    html = page(copy)
    assert "all comparisons: p &lt; .001" in html
    assert "[-12.3, 4.5]" in html


def test_every_chart_lies_beside_the_page_as_svg_and_png(copy: Path) -> None:
    page(copy)
    names = {
        "curve-macro_f1",
        "curve-accuracy",
        "cost-seconds",
        "cost-memory",
        "cost-trainable",
        "cost-tokens_computed",
    }
    assert {path.stem for path in (copy / "charts").glob("*.svg")} == names
    assert {path.stem for path in (copy / "charts").glob("*.png")} == names
    width, height = struct.unpack(">II", (copy / "charts" / "curve-accuracy.png").read_bytes()[16:24])
    assert width > 1000 < height * 2


def test_the_same_files_give_the_same_page_and_pictures(copy: Path) -> None:
    first = page(copy)
    pictures = {path.name: path.read_bytes() for path in (copy / "charts").iterdir()}
    assert page(copy) == first
    assert {path.name: path.read_bytes() for path in (copy / "charts").iterdir()} == pictures


def test_failed_cells_are_named_with_their_error_and_counted_as_missing(tmp_path: Path) -> None:
    html = page(curve_dirs.made(tmp_path / "curve", failed=["lora-finetrie_tiny-n50-seed1"]))
    assert "the loss is not a number" in html
    assert "(1 missing)" in html


def test_without_a_finished_cell_it_says_so(tmp_path: Path) -> None:
    names = [cell.name for cell in curve_dirs.GRID.cells()]
    assert "No cell of the grid is finished yet." in page(curve_dirs.made(tmp_path / "curve", failed=names))


def test_a_folder_without_a_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"holds no curve\.json"):
        write_curve_page(tmp_path)


def test_missing_costs_and_answers_leave_gaps_and_no_traceback(copy: Path) -> None:
    (copy / "costs.json").unlink()
    for answers in copy.glob("*/predictions.jsonl"):
        answers.unlink()
    html = page(copy)
    assert "costs.json" in html
    assert "With 400 labelled rows" in html


def test_what_users_wrote_is_shown_and_never_obeyed(copy: Path) -> None:
    for path in copy.glob("*/predictions.jsonl"):
        write_jsonl(path, [{**row, "text": NASTY, "gold": NASTY} for row in read_jsonl(path)])
    curve: dict[str, Any] = read_json(copy / "curve.json")
    for one in curve["series"]:
        one["name"] += NASTY
    write_json(copy / "curve.json", curve)
    html = page(copy)
    assert "<script" not in html
    assert "<img" not in html
    assert "49" not in "".join(html.split("{{ 7 * 7 }}")[:1])[-20:]


def test_the_reason_of_a_missing_forecast_is_told_in_the_language_of_the_page(tmp_path: Path) -> None:
    names = [cell.name for cell in curve_dirs.GRID.cells() if cell.size == 400]
    folder = curve_dirs.made(tmp_path / "curve", failed=names)
    assert "there are 3" in page(folder)
    assert "现有 3 档" in page(folder, "zh")


@pytest.mark.parametrize("key", SENTENCES)
def test_every_reason_has_words_in_both_languages(key: str) -> None:
    values = {name: 0.5 for _, name, _, _ in Formatter().parse(SENTENCES[key]) if name}
    found = {"why": {"key": key, "values": values}, "reason": str(Why(key, values))}
    assert why(found, Words("en")) != why(found, Words("zh"))


def test_disagreements_are_the_rows_that_only_one_has_right(folder: Path) -> None:
    results = load_curve(folder)
    lora, tfidf = (results.cells[name] for name in ("lora-finetrie_tiny-n400-seed0", "tfidf-n400-seed0"))
    won, lost = disagreements(results, lora, tfidf)
    right = {
        name: {row["id"] for row in read_jsonl(folder / name / "predictions.jsonl") if row["outcome"] == "correct"}
        for name in (lora["name"], tfidf["name"])
    }
    assert {row.id for row in won} == right[lora["name"]] - right[tfidf["name"]]
    assert {row.id for row in lost} == right[tfidf["name"]] - right[lora["name"]]
    assert won


def test_the_classes_come_by_what_they_gain(folder: Path) -> None:
    results = load_curve(folder)
    leader = results.leader()
    assert leader is not None
    rises = [gain.rise for gain in gains(results, leader)]
    assert len(rises) == len(curve_dirs.LABELS)
    assert rises == sorted(rises, reverse=True)


def test_answers_outside_the_label_set_are_counted_by_size(folder: Path) -> None:
    found = {(fate.name, fate.size): fate for fate in fates(load_curve(folder))}
    assert found["zero-shot", None].lost == pytest.approx(5 / curve_dirs.ROWS)
    assert found["lora", 400].lost == 0
    assert ("tfidf", 400) not in found, "it cannot answer with anything but a label"


def test_nothing_to_draw_is_no_chart() -> None:
    assert learning_curve([Line("a", ())], words=AXES, name="n") is None
    assert score_against_cost([Line("a", (Spot(0, 0.5),))], words=AXES, name="n") is None


def test_one_point_and_equal_scores_can_be_drawn() -> None:
    lines = [Line("a", (Spot(100, 0.5),), band=True), Line("b", (), flat=0.5)]
    chart = learning_curve(lines, words=AXES, name="n", printed=True)
    assert chart is not None
    assert (chart.png() or b"").startswith(b"\x89PNG")
    assert score_against_cost([Line("a", (Spot(1, 0.5),))], words=AXES, name="n") is not None


def test_a_name_with_a_dollar_is_no_formula() -> None:
    chart = learning_curve([Line("a$x_1$", (Spot(100, 0.5),))], words=AXES, name="n", printed=True)
    assert chart is not None
    assert chart.png()
