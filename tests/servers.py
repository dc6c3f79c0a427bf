"""Servers that we did not write, as fixtures: `pytest_plugins = "tests.servers"`, and the test's mark `outside`.

An endpoint named by the environment is used; else one is started in a temporary directory for all tests of a process.
Absent, the test is skipped with the line that installs it; in CI it fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imlab.stack.services.contract import Endpoint
from imlab.stack.services.private import service
from tests.tools import need_service


def _served(name: str) -> Iterator[Endpoint]:
    need_service(name)
    with service(name) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def redis() -> Iterator[Endpoint]:
    """Redis or Valkey; others use it, too: choose a prefix."""
    yield from _served("redis")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Endpoint]:
    """PostgreSQL; others use it, too: choose a schema."""
    yield from _served("postgres")


@pytest.fixture(scope="session")
def nginx() -> Iterator[Endpoint]:
    """A directory of its own over HTTP."""
    yield from _served("nginx")
