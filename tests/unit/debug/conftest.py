"""Sessions that are closed at a test's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pffemu.debug.session import Session


@pytest.fixture
def sessions() -> Iterator[list[Session]]:
    opened: list[Session] = []
    yield opened
    for session in opened:
        session.close()
