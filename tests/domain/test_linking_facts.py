"""What is not said was not found: a subject about which nothing is known gives no rule a parent."""

from collections.abc import Callable

import pytest
from hypothesis import given

from domain.link_by_history import continues, forks, retries
from domain.link_by_summary import resumes, resumes_now
from domain.link_by_task import spawned
from domain.link_weakly import weaker
from domain.linking_facts import NO_THREAD, Correction, Found, Subject
from domain.links import Link
from tests.linkables import at, subjects

RULES: list[Callable[[Subject, Found], Link | None]] = [
    retries, resumes_now, continues, forks, resumes, spawned, weaker
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@given(one=subjects)
def test_in_nothing_no_rule_finds_a_parent(rule: Callable[[Subject, Found], Link | None], one: Subject) -> None:
    assert rule(one, Found()) is None


def test_a_correction_to_a_root_names_no_thread() -> None:
    assert Correction("ada", "", None).parent_thread == NO_THREAD
    assert (NO_THREAD.session, NO_THREAD.agent) == (None, None)
    assert Correction("ada", "", at(1)).parent_class == "main"
