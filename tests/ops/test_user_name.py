"""Who types: the user's name, or their number where nobody gave them a name."""

import os
import pwd

import pytest

from ops.user_name import user_name


def test_it_is_the_operating_systems_name() -> None:
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 987_654)
    assert user_name() == "user 987654"
