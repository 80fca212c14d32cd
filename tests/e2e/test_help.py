"""What a user sees first, and that it does not wait for torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.conftest import Cli

COMMANDS = (
    "demo",
    "init",
    "write",
    "mix",
    "run",
    "prepare",
    "train",
    "evaluate",
    "compare",
    "predict",
    "report",
    "info",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]], ids=" ".join)
def test_help_waits_for_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['finetrie', *{arguments!r}]\n"
        "from finetrie.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'peft', 'sklearn', 'scipy', 'numpy', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("topic", ["tasks", "methods", "formats", "wordings"])
def test_info_lists_what_a_run_file_can_name(cli: Cli, topic: str) -> None:
    done = cli("info", topic, "--json")
    assert done.code == 0, done.err
    listed = json.loads(done.out)
    assert listed
    assert all(listed.values()), "every name has a line of documentation"
