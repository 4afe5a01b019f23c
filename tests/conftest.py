"""Settings for every test: hypothesis finds the same examples in each run, and does not judge by the clock."""

from __future__ import annotations

import gc
import os

from hypothesis import settings

settings.register_profile("pffemu", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)  # HYPOTHESIS_PROFILE=search: look for more
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pffemu"))


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of each search for cycles: benchmarks make one behind every run."""
    gc.collect()
    gc.freeze()
