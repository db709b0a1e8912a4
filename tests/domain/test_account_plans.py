"""An account's plan: what a person said last, else what requests tell."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account_plans import PLAN_TOPICS, PLANS, AccountPlan, Plan, UnfitPlanError, plan_of, plan_told
from schemas.stored.events import HeaderFact
from tests.key_samples import NOON


@given(st.lists(st.sampled_from(PLANS), min_size=1, max_size=6))
def test_the_newest_word_stands_and_replaying_gives_the_same(words: list[Plan]) -> None:
    plan = AccountPlan.begin("acme", words[0], who="ada", at=NOON)
    for word in words[1:]:
        plan.say(word, who="bob", at=NOON)
    assert (plan.account, plan.plan) == ("acme", words[-1])
    told: AccountPlan | None = None
    events = list(plan.collect_events())
    for event in events:
        told = event.mutate(told)
    assert told == plan
    assert len(events) == 1 + sum(one != other for one, other in pairwise(words))


def test_every_event_says_whose_who_and_when() -> None:
    plan = AccountPlan.begin("acme", "api", who="ada", at=NOON)
    plan.say("subscription", who="bob", at=NOON + timedelta(hours=1))
    events: list[Any] = list(plan.collect_events())
    assert [(event.TOPIC, event.account, event.plan, event.who, event.timestamp) for event in events] == [
        ("account-plan-said", "acme", "api", "ada", NOON),
        ("account-plan-said", "acme", "subscription", "bob", NOON + timedelta(hours=1)),
    ]
    assert PLAN_TOPICS == ("account-plan-said",)


@pytest.mark.parametrize(
    ("account", "plan", "who"),
    [
        ("", "api", "ada"),
        ("a\nb", "api", "ada"),
        ("a" * 201, "api", "ada"),
        ("acme", "free", "ada"),
        ("acme", "api", ""),
    ],
)
def test_what_is_unfit_is_refused_and_changes_nothing(account: str, plan: Any, who: str) -> None:
    with pytest.raises(UnfitPlanError):
        AccountPlan.begin(account, plan, who=who, at=NOON)
    standing = AccountPlan.begin("acme", "subscription", who="ada", at=NOON)
    if account == "acme":
        with pytest.raises(UnfitPlanError):
            standing.say(plan, who=who, at=NOON)
    assert (standing.version, standing.plan) == (1, "subscription")


def test_an_account_has_one_aggregate_and_its_id_never_changes() -> None:
    assert AccountPlan.begin("acme", "api", who="ada", at=NOON).id == AccountPlan.create_id("acme")
    assert str(AccountPlan.create_id("acme")) == "2f2d7a23-776d-5730-9538-139cadd3d24c"


@pytest.mark.parametrize(
    ("headers", "plan"),
    [
        ([], "api"),
        ([("anthropic-beta", "claude-code-20250219")], "api"),
        ([("x-beta", "oauth-2025-04-20")], "api"),
        ([("anthropic-beta", None)], "api"),
        ([("anthropic-beta", "xoauth-2025-04-20")], "api"),
        ([("anthropic-beta", "oauth-2025-04-20")], "subscription"),
        ([("Anthropic-Beta", "a, OAuth-2025-04-20 ,b")], "subscription"),
        ([("anthropic-beta", "a"), ("anthropic-beta", "oauth-2025-04-20")], "subscription"),
    ],
)
def test_a_client_that_is_signed_in_has_a_subscription(headers: list[tuple[str, str | None]], plan: Plan) -> None:
    assert plan_told(HeaderFact(name=name, value=value) for name, value in headers) == plan


@given(st.none() | st.sampled_from(PLANS), st.lists(st.sampled_from(PLANS), max_size=4))
def test_a_persons_word_goes_first(said: Plan | None, told: list[Plan]) -> None:
    assert plan_of(said, told) == (said if said is not None else "subscription" if "subscription" in told else "api")
