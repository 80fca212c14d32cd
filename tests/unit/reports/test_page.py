"""The page: complete, safe, self-contained, and never a crash."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from finetrie.errors import OutputError
from finetrie.files import read_json, write_json, write_jsonl, write_text
from finetrie.reports import write_report
from finetrie.reports.numbers import percent
from finetrie.reports.words import LANGUAGES, Language
from tests.unit.reports import run_dirs

KINDS: dict[str, Callable[[Path], Path]] = {
    "classification": run_dirs.classification,
    "ner": run_dirs.ner,
    "instruction": run_dirs.instruction,
    "interrupted": run_dirs.interrupted,
}

FILES = (
    "run.toml",
    "manifest.json",
    "data/card.json",
    "data/train.jsonl",
    "data/test.jsonl",
    "data/rejected.jsonl",
    "data/shortened.jsonl",
    "events.jsonl",
    "predictions.jsonl",
    "metrics.json",
)

NASTY = '</td><script>alert("1")</script><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One run directory of each kind; tests that change one copy it first."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in KINDS:
        (folder / kind).mkdir()
    return {kind: make(folder / kind) for kind, make in KINDS.items()}


def page(folder: Path, language: Language = "en") -> str:
    return write_report(folder, language=language).read_text(encoding="utf-8")


class Balance(HTMLParser):
    """Fails on a tag that is closed without being open, or left open."""

    VOID = ("meta", "br", "img", "use", "path", "link", "input", "hr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag, f"</{tag}> closes another element, at {self.getpos()}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(
    made: dict[str, Path], kind: str, language: Language
) -> None:
    html = page(made[kind], language)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert not re.search(r"""(src|href|action|data|poster)\s*=\s*["']?\s*(https?:)?//""", html)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", html)
    assert "<script" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert "Content-Security-Policy" in html
    assert all(f'id="{target}"' in html for target in re.findall(r'href="#([a-z]+)"', html))
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in html


def test_a_reader_learns_what_was_tuned_on_what_and_how_good_it_is(made: dict[str, Path]) -> None:
    metrics = read_json(made["classification"] / "metrics.json")
    low, high = metrics["accuracy_ci"]
    html = page(made["classification"])
    assert "Qwen/Qwen2.5-1.5B-Instruct was tuned with LoRA (rank 8) on 1,380 labelled texts" in html
    assert f"{metrics['accuracy']:.1%} of the time (95% interval: {low:.1%} to {high:.1%})" in html
    assert f"would be right {metrics['majority']['accuracy']:.1%} of the time" in html
    assert "Before tuning the same model scored 13.5% on 200 of these texts" in html
    assert "finetrie run run.toml" in html
    assert "187,200 tokens were computed instead of 598,000, 69% less" in html
    assert "test_overlap · 15" in html


def test_the_same_run_in_chinese(made: dict[str, Path]) -> None:
    metrics = read_json(made["classification"] / "metrics.json")
    html = page(made["classification"], "zh")
    assert (
        "用 1,380 条标注文本微调了 Qwen/Qwen2.5-1.5B-Instruct，方法为 LoRA（秩 8），任务是把文本归入 8 个类别之一。"
        in html
    )
    assert f"在 460 条测试文本上，{metrics['accuracy']:.1%} 的标签正确" in html
    assert "置信度最高的错误" in html
    assert "Most confident" not in html


def test_a_model_no_better_than_the_majority_is_not_praised(made: dict[str, Path], tmp_path: Path) -> None:
    run = shutil.copytree(made["classification"], tmp_path / "run")
    metrics = read_json(run / "metrics.json")
    write_json(run / "metrics.json", {**metrics, "majority": {"label": "体育", "accuracy": metrics["accuracy"]}})
    html = page(run)
    assert "this test does not show that the model is better" in html
    assert "clearly learned" not in html
    write_json(run / "metrics.json", {**metrics, "majority": {"label": "体育", "accuracy": 0.99}})
    assert "That is worse than always answering the commonest label, “体育”, which would be right 99.0%" in page(run)


def test_answers_outside_the_label_set_are_told_at_the_top_with_the_remedy(made: dict[str, Path]) -> None:
    metrics = read_json(made["classification"] / "metrics.json")
    restricted = metrics["by_decoding"]["constrained"]["accuracy"]
    assert f"restricted to the labels (constrained decoding) it would be right {restricted:.1%}" in page(
        made["classification"]
    )


def test_a_reader_learns_when_to_ask_a_person(made: dict[str, Path]) -> None:
    metrics = read_json(made["classification"] / "metrics.json")["calibration"]
    html = page(made["classification"])
    assert f"a temperature of {metrics['temperature']['value']:.2f}" in html
    [wanted, *_] = metrics["abstain"]["targets"]
    assert f"{wanted['threshold']:.3f}" in html
    assert percent(wanted["test"]["precision"]) in html
    assert 'id="abstain"' not in page(made["ner"])


def test_metrics_without_details_are_shown_as_far_as_they_go(made: dict[str, Path], tmp_path: Path) -> None:
    for kind, score in (
        ("classification", {"accuracy": 0.5, "accuracy_ci": [0.4, 0.6]}),
        ("ner", {}),
        ("instruction", {}),
    ):
        run = shutil.copytree(made[kind], tmp_path / kind)
        write_json(run / "metrics.json", {"task": kind, "n": 10, **score})
        assert page(run)


def test_entity_errors_are_counted_explained_and_marked_in_the_text(made: dict[str, Path]) -> None:
    metrics = read_json(made["ner"] / "metrics.json")
    html = page(made["ner"])
    for kind, count in metrics["errors"].items():
        assert f'<mark class="e-{kind}">' in html, kind
        assert f"<b>{count}</b>" in html
    assert "similar spelling only" in html, "alignment tiers are told in words"
    assert '<mark class="e-hallucinated">联合国' in html


@pytest.mark.parametrize("file", FILES)
def test_any_file_may_be_missing_or_broken(made: dict[str, Path], tmp_path: Path, file: str) -> None:
    for kind in ("classification", "ner") if file in ("predictions.jsonl", "metrics.json") else ("classification",):
        run = shutil.copytree(made[kind], tmp_path / kind)
        whole = (run / file).read_bytes()
        (run / file).unlink()
        html = page(run)
        if file not in ("data/rejected.jsonl", "data/shortened.jsonl"):  # these two need not be there
            assert f"Missing: {file}" in html
        (run / file).write_bytes(whole[: len(whole) // 2] + b"\xff\n[1, 2]\n")  # a crash while something else wrote it
        assert f"{file}: " in page(run)


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path: Path) -> None:
    html = page(tmp_path)
    assert "There is no score yet" in html
    assert "Missing: run.toml" in html
    with pytest.raises(OutputError, match="no such run directory"):
        write_report(tmp_path / "nowhere")


def test_an_interrupted_run_shows_how_far_it_came(made: dict[str, Path]) -> None:
    html = page(made["interrupted"])
    assert "Training started but did not finish" in html
    assert "events.jsonl: 1 lines could not be read" in html
    assert "Loss on the training texts" in html


def test_no_test_rows_and_no_entities_are_no_crash(made: dict[str, Path], tmp_path: Path) -> None:
    for kind, metrics in (("classification", {"n": 0, "accuracy": None}), ("ner", {"n": 0, "micro": {"f1": None}})):
        run = shutil.copytree(made[kind], tmp_path / kind)
        write_json(run / "metrics.json", {"task": kind, **metrics})
        assert "There were no test rows" in page(run)


WORDS_OF_USERS = (
    *("体育", "社会新闻", "消息", "人名", "报道", "联合国"),
    *("test_overlap", "stands in test", "Qwen2.5", "2.10GHz", "UTF-16", "shortened to fit", "entity_f1", "longer than"),
)


@pytest.mark.parametrize("kind", ["classification", "ner"])
def test_what_users_wrote_is_shown_and_never_obeyed(made: dict[str, Path], tmp_path: Path, kind: str) -> None:
    run = shutil.copytree(made[kind], tmp_path / "run")
    for file in FILES:
        text = (run / file).read_text(encoding="utf-8")
        for word in WORDS_OF_USERS:
            text = text.replace(word, json.dumps(NASTY)[1:-1])
        write_text(run / file, text)
    html = page(run)
    assert "could not be read" not in html
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;") > 50
    assert "&amp;amp;{{ 7 * 7 }}" in html, "texts are no templates"


def test_entities_of_users_are_no_markup_either(made: dict[str, Path], tmp_path: Path) -> None:
    run = shutil.copytree(made["ner"], tmp_path / "run")
    entity = {"start": 0, "end": len(NASTY), "label": NASTY, "text": NASTY}
    row = {"id": NASTY, "text": NASTY, "gold": [entity], "prediction": [], "outcome": "wrong", "completion": NASTY}
    write_jsonl(run / "predictions.jsonl", [row, {**row, "details": {"hallucinated": [[NASTY, NASTY]]}}] * 3)
    html = page(run)
    assert '<mark class="e-missed">&lt;/td&gt;&lt;script&gt;' in html
    assert "<script" not in html
    assert "<img" not in html


def test_many_rows_and_long_texts_make_a_small_page_that_says_what_it_leaves_out(tmp_path: Path) -> None:
    run = run_dirs.classification(tmp_path, rows=1500, extra_labels=192)
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    write_jsonl(run / "predictions.jsonl", ({**row, "text": row["text"] * 40} for row in rows))
    html = page(run)
    assert len(html.encode()) < 1_500_000
    assert "The pairs that are confused most often" in html
    assert "Full matrix (200 labels)" in html
    wrong = read_json(run / "metrics.json")["outcomes"]["wrong"]
    assert f"The first 20 of {wrong}; all are in predictions.jsonl" in html
    assert "characters in all" in html


def test_a_matrix_too_large_for_a_page_is_left_in_its_file(tmp_path: Path) -> None:
    html = page(run_dirs.classification(tmp_path, rows=300, extra_labels=292))
    assert "The full matrix of 300 labels is in metrics.json" in html


def test_the_same_files_give_the_same_page(made: dict[str, Path]) -> None:
    assert page(made["ner"]) == page(made["ner"])


def test_the_page_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, finetrie.reports, finetrie.evaluation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
