from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from finetrie.tracking.manifest import environment, write_manifest


def test_the_environment_names_versions_machine_and_nothing_is_imported_for_it() -> None:
    program = (
        "import json, sys; from finetrie.tracking import environment; facts = environment()\n"
        "print(json.dumps([facts, sorted({'torch', 'transformers', 'numpy', 'swanlab'} & set(sys.modules))]))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    facts, imported = json.loads(output)
    assert imported == []
    assert facts["packages"]["torch"] == version("torch")
    assert facts["packages"]["finetrie"] == version("finetrie")
    assert facts["python"] == sys.version.split()[0]
    assert facts["cpu"]["cores"] >= 1
    assert facts["cpu"]["name"]
    assert facts["gpus"] == []


def test_a_package_that_is_not_installed_is_null(monkeypatch: object) -> None:
    from finetrie.tracking import manifest

    assert manifest._version("no-such-distribution") is None


def test_given_gpu_names_are_kept() -> None:
    assert environment(gpus=["NVIDIA H200"])["gpus"] == ["NVIDIA H200"]


def test_the_commit_is_that_of_the_folder_and_changes_show(tmp_path: Path) -> None:
    assert environment(folder=tmp_path)["git"] is None

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "a.txt").write_text("1")
    git("add", "a.txt")
    git("commit", "-q", "-m", "first")
    assert environment(folder=tmp_path)["git"] == {"commit": git("rev-parse", "HEAD"), "changed": False}
    (tmp_path / "a.txt").write_text("2")
    assert environment(folder=tmp_path)["git"]["changed"] is True


def test_the_manifest_holds_the_environment_and_the_callers_facts(tmp_path: Path) -> None:
    written = write_manifest(tmp_path / "manifest.json", seed=0, hashes={"prompt": "ab"})
    read = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert read == written
    assert read["seed"] == 0
    assert read["hashes"] == {"prompt": "ab"}
    assert read["environment"]["python"] == sys.version.split()[0]
    assert read["created"].endswith("+00:00")
