"""Opens the contestant that is named, and lets it perform."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from bench.stage import perform

name, directory, *database = sys.argv[1:]
contestants = importlib.import_module(f"bench.contestants.{name}")
perform(contestants.enter(Path(directory), *database))
