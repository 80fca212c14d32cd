from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.config import METHODS, Run, load_run, parse_run, save_run
from finetrie.errors import ConfigError

DATA: dict[str, Any] = {"data": {"train": "train.jsonl"}}

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
paths = words.filter(lambda path: "\0" not in path)
fractions = st.floats(0, 1, exclude_max=True)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
counts = st.integers(1, 10**9)


def tables(**settings: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A table of the run file in which each setting may be left out."""
    return st.fixed_dictionaries({}, optional=settings)


trees = st.fixed_dictionaries(
    {
        "data": st.builds(
            lambda rest, train: {**rest, "train": train}, tables(test_fraction=fractions, text=words), paths
        )
    },
    optional={
        "task": tables(
            kind=st.sampled_from(["classification", "ner", "instruction"]),
            labels=st.lists(words, min_size=1, max_size=4, unique=True),
            names=st.dictionaries(words, words, max_size=3),
        ),
        "model": tables(max_tokens=st.integers(8, 10**6), dtype=st.sampled_from(["auto", "bf16"])),
        "tuning": tables(
            rank=counts, alpha=positive, targets=st.just("all-linear") | st.lists(words, min_size=1, max_size=3)
        )
        | st.just({"method": "full"}),
        "training": tables(
            epochs=positive, learning_rate=positive, eval_every=counts, gradient_checkpointing=st.booleans()
        ),
        "tracking": tables(swanlab=st.sampled_from(["off", "offline", "cloud"]), name=words),
    },
)


def problems(tree: dict[str, Any], *overrides: str) -> list[str]:
    """The lines of the one message that refuses `tree`."""
    with pytest.raises(ConfigError) as caught:
        parse_run(tree, overrides, where="run.toml")
    return [line.strip() for line in str(caught.value).splitlines()]


@given(tree=trees)
def test_a_resolved_run_is_read_back_as_it_was_from_wherever_it_lies(
    tree: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    run = parse_run(tree, folder=folder)
    save_run(run, folder / "elsewhere" / "run.toml")
    assert load_run(folder / "elsewhere" / "run.toml") == run


def test_one_setting_is_enough() -> None:
    run = parse_run(DATA)
    assert (run.task.kind, run.tuning.method, run.model.base) == ("classification", "lora", "finetrie/tiny")


def test_all_problems_come_in_one_message_each_with_its_key_and_the_nearest_name() -> None:
    where, *found = problems(
        {
            "data": {"trian": "train.jsonl"},
            "tuning": {"rnak": 8},
            "training": {"seed": "0", "batch_size": 0, "schedule": "cos"},
            "modle": {},
        }
    )
    assert where == "run.toml: 7 problem(s)"
    text = "\n".join(found)
    assert "data.train: is required" in text
    assert "data.trian: no such setting, did you mean 'train'?" in text
    assert "tuning.rnak: no such setting, did you mean 'rank'? (known: method, rank, alpha" in text
    assert "training.seed: input should be a valid integer, got '0'" in text
    assert "training.batch_size: input should be greater than or equal to 1, got 0" in text
    assert "training.schedule: input should be 'linear', 'cosine' or 'constant', got 'cos'" in text
    assert "modle: no such setting, did you mean 'model'?" in text


def test_only_the_settings_of_the_chosen_method_exist() -> None:
    assert problems({**DATA, "tuning": {"method": "full", "rank": 8}})[1:] == [
        "tuning.rank: no such setting (known: method)"
    ]


def test_an_unknown_method_is_answered_with_the_known_ones() -> None:
    [line] = problems({**DATA, "tuning": {"method": "lorra"}})[1:]
    assert line == f"tuning.method: no such method 'lorra', did you mean 'lora'? (known: {', '.join(METHODS)})"


@pytest.mark.parametrize("targets", ["all", [], ["q_proj", 3]], ids=str)
def test_wrong_targets_are_one_problem_not_one_for_each_form(targets: object) -> None:
    [line] = problems({**DATA, "tuning": {"targets": targets}})[1:]
    assert line.startswith("tuning.targets: input should be 'all-linear' or a list of module names, got ")


@pytest.mark.parametrize("labels", [[], ["体育", "体育"]], ids=str)
def test_labels_are_named_and_named_once(labels: list[str]) -> None:
    assert "task.labels: input should be at least one label" in problems({**DATA, "task": {"labels": labels}})[1]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_is_finite(number: float) -> None:
    [line] = problems({**DATA, "training": {"learning_rate": number}})[1:]
    assert "training.learning_rate: input should be a finite number" in line


def test_a_whole_number_does_where_a_fraction_may_stand() -> None:
    assert parse_run({**DATA, "training": {"epochs": 2, "learning_rate": 1}}).training.epochs == 2.0


def test_a_section_that_is_not_a_table_is_named() -> None:
    assert problems({**DATA, "tuning": 3})[1].startswith("tuning: input should be a")
    assert "x is not a section" in problems({**DATA, "x": 3}, "x.y=1")[0]


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("training.epochs=1", "training", "epochs", 1.0),
        ("training.learning_rate = 1e-5", "training", "learning_rate", 1e-5),
        ("training.gradient_checkpointing=true", "training", "gradient_checkpointing", True),
        ("model.base=finetrie/tiny", "model", "base", "finetrie/tiny"),
        ("model.base=C:\\models\\qwen", "model", "base", "C:\\models\\qwen"),
        ("data.train=../新闻 1.jsonl", "data", "train", "../新闻 1.jsonl"),
        ("task.instruction=a = b", "task", "instruction", "a = b"),
        ('task.labels=["no", "on"]', "task", "labels", ["no", "on"]),
        ('tracking.name="1"', "tracking", "name", "1"),
        ("tuning.rank=4", "tuning", "rank", 4),
    ],
)
def test_an_override_is_read_as_toml_or_as_plain_text(override: str, section: str, key: str, value: object) -> None:
    assert getattr(getattr(parse_run(DATA, [override]), section), key) == value


@pytest.mark.parametrize("override", ["training.epochs", "epochs=1", "a.b.c=1", "=1", ".=1"])
def test_an_override_without_section_and_key_is_refused_with_an_example(override: str) -> None:
    first, fix = problems(DATA, override)
    assert first == f"--set {override!r}: expected section.key=value"
    assert "--set training.epochs=1" in fix


def test_another_method_leaves_the_settings_of_the_former_behind() -> None:
    tree = {**DATA, "tuning": {"rank": 4}}
    assert parse_run(tree, ["tuning.method=full"]).tuning.method == "full"
    assert parse_run(tree, ["tuning.method=lora"]).tuning == parse_run(tree).tuning
    assert tree["tuning"] == {"rank": 4}


def test_the_last_of_two_overrides_counts() -> None:
    assert parse_run(DATA, ["training.seed=1", "training.seed=2"]).training.seed == 2


def test_paths_start_at_the_run_file_and_stay_right_when_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "qwen").mkdir(parents=True)
    (tmp_path / "run.toml").write_text(
        '[data]\ntrain = "d/train.jsonl"\ntest = "/abs/test.jsonl"\n[model]\nbase = "models/qwen"\n', encoding="utf-8"
    )
    run = load_run(tmp_path / "run.toml")
    assert run.data.train == str(tmp_path / "d" / "train.jsonl")
    assert run.data.test == "/abs/test.jsonl"
    assert run.data.dev is None
    assert run.model.base == str(tmp_path / "models" / "qwen")


def test_a_file_whose_name_begins_with_a_tilde_is_a_file(tmp_path: Path) -> None:
    assert parse_run({"data": {"train": "~$rows.csv"}}, folder=tmp_path).data.train == str(tmp_path / "~$rows.csv")


def test_a_model_name_that_is_no_folder_stays_a_name(tmp_path: Path) -> None:
    assert (
        parse_run({**DATA, "model": {"base": "hf:Qwen/Qwen2.5-0.5B"}}, folder=tmp_path).model.base
        == "hf:Qwen/Qwen2.5-0.5B"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[data]\ntrain = train.jsonl\n", "not valid TOML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (None, "no such file"),
    ],
)
def test_a_run_file_that_cannot_be_read_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_run(path)
    assert str(caught.value).startswith(str(path))


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_bytes(b'\xef\xbb\xbf[data]\ntrain = "a"\n')
    assert load_run(tmp_path / "run.toml").data.train == str(tmp_path / "a")


def test_a_run_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_run(DATA).training.seed = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in settings() if not field.description and not name.endswith(".method")] == []


def settings() -> Iterator[tuple[str, Any]]:
    """Every setting of the run file, those of all tuning methods included."""
    sections: list[tuple[str, Any]] = [(name, field.annotation) for name, field in Run.model_fields.items()]
    for name, section in [*sections, *(("tuning", method) for method in METHODS.values())]:
        for key, field in getattr(section, "model_fields", {}).items():
            yield f"{name}.{key}", field
