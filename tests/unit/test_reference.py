from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_about_the_run_file_is_what_the_schema_says() -> None:
    script = ROOT / "scripts" / "make_reference.py"
    check = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert check.returncode == 0, "run: python scripts/make_reference.py"
