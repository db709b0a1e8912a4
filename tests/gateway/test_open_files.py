"""The soft limit is raised to the hard one, or kept where that is not granted; clients get what is left."""

import resource
from collections.abc import Iterator

import pytest

from gateway.open_files import connections_within, raise_file_limit

FILES = resource.RLIMIT_NOFILE


@pytest.fixture(autouse=True)
def low() -> Iterator[None]:
    """A soft limit as a shell gives it, or less."""
    before = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (min(1024, before[1]) - 1, before[1]))
    yield
    resource.setrlimit(FILES, before)


def test_the_soft_limit_becomes_the_hard_one() -> None:
    hard = resource.getrlimit(FILES)[1]
    expected = 1 << 20 if hard == resource.RLIM_INFINITY else min(hard, 1 << 20)
    assert raise_file_limit() == expected == resource.getrlimit(FILES)[0]
    assert raise_file_limit() == expected, "a second time changes nothing"


def test_what_is_not_granted_is_not_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not here")

    soft = resource.getrlimit(FILES)[0]
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_file_limit() == soft == resource.getrlimit(FILES)[0]


def test_every_client_may_need_two() -> None:
    assert connections_within(1064) == 500
    assert connections_within(65) == connections_within(3) == 1, "never nobody"
