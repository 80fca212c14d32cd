"""Write the embedded data set anew: `python scripts/make_sample.py [FOLDER]` (default: into the package itself)."""

from __future__ import annotations

import sys
from pathlib import Path

from finetrie.data.sample.generator import write

PACKAGE = Path(__file__).parents[1] / "src" / "finetrie" / "data" / "sample"

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE
    sample = write(folder)
    print(f"{folder}: {len(sample.train)} training rows, {len(sample.test)} test rows")
