"""A horse that finds the files of the page as well: `python -m tests.example.horse`, with their folder in EXAMPLE."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.example import written
from workers import horse

if __name__ == "__main__":
    written.install(Path(os.environ["EXAMPLE"]))
    sys.exit(horse.main())
