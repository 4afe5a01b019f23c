"""Settings for every test: hypothesis finds the same examples in each run, and does not judge by the clock."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import settings

settings.register_profile("pffemu", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)  # HYPOTHESIS_PROFILE=search: look for more
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pffemu"))

_MODULES = 50  # so many new ones are worth a search
_known = 0  # modules that were imported at the last one


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of each search for cycles: benchmarks make one behind every run."""
    _freeze()


def pytest_runtest_setup() -> None:
    """And what tests have imported since: numba, matplotlib and textual are larger than any run."""
    if len(sys.modules) >= _known + _MODULES:
        _freeze()


def _freeze() -> None:
    global _known
    gc.collect()  # garbage that was frozen would stay
    gc.freeze()
    _known = len(sys.modules)
