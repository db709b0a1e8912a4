"""Rate-limit headers are read as they are written, and whatever else stands there is kept or named, never raised."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rate_limits import MAX_GAUGES, Gauge, read_rate_limits, read_reset

RESET = datetime(2026, 11, 22, 14, tzinfo=UTC)
EPOCH = str(int(RESET.timestamp()))
UNIFIED = "anthropic-ratelimit-unified-"


def unified(**members: str) -> dict[str, str]:
    """``_`` stands for ``-``, ``__`` for ``_``."""
    return {UNIFIED + name.replace("__", "\0").replace("_", "-").replace("\0", "_"): v for name, v in members.items()}


def by_name(gauges: tuple[Gauge, ...]) -> dict[str, Gauge]:
    return {one.name or one.kind: one for one in gauges}


def test_the_headers_of_a_subscription() -> None:
    headers = {
        "Anthropic-Ratelimit-Unified-Status": "allowed_warning",
        "request-id": "req_1",
        UNIFIED + "reset": EPOCH,
        UNIFIED + "representative-claim": "seven_day",
        UNIFIED + "fallback": "available",
        UNIFIED + "fallback-percentage": "0.5",
        UNIFIED + "upgrade-paths": "overage",
        UNIFIED + "5h-status": "allowed",
        UNIFIED + "5h-reset": EPOCH,
        UNIFIED + "5h-utilization": " 0.13 ",
        UNIFIED + "7d-status": "allowed_warning",
        UNIFIED + "7d-utilization": "0.94",
        UNIFIED + "7d-surpassed-threshold": "0.75",
        UNIFIED + "7d_oi-utilization": "0.2",
        UNIFIED + "7d_oi-reset": EPOCH + ".5",
        UNIFIED + "overage-status": "rejected",
        UNIFIED + "overage-utilization": "1.05",
        UNIFIED + "overage-reset": EPOCH,
        UNIFIED + "overage-in-use": "false",
        UNIFIED + "overage-disabled-reason": "out_of_credits",
        UNIFIED + "overage-period-monthly-utilization": "0.4",
        UNIFIED + "slow-max-wait": "1200",
    }
    facts = {"representative-claim": "seven_day", "fallback": "available", "fallback-percentage": "0.5"}
    assert read_rate_limits(headers) == (
        Gauge(
            kind="overage",
            name="",
            status="rejected",
            utilization=1.05,
            resets_at=RESET,
            facts={"in-use": "false", "disabled-reason": "out_of_credits"},
            unknown={"period-monthly-utilization": "0.4"},
        ),
        Gauge(
            kind="overall",
            name="",
            status="allowed_warning",
            resets_at=RESET,
            facts={**facts, "upgrade-paths": "overage"},
            unknown={"slow-max-wait": "1200"},
        ),
        Gauge(kind="window", name="5h", status="allowed", utilization=0.13, resets_at=RESET),
        Gauge(kind="window", name="7d", status="allowed_warning", utilization=0.94, surpassed=True, threshold=0.75),
        Gauge(kind="window", name="7d_oi", utilization=0.2, resets_at=RESET + timedelta(seconds=0.5)),
    )


def test_a_window_of_another_name_is_known_by_its_utilization() -> None:
    headers = unified(seven__day_utilization="0.5", seven__day_reset=EPOCH, seven__day_mood="fine", utilization="1")
    found = by_name(read_rate_limits(headers))
    assert (found["seven_day"].utilization, found["seven_day"].resets_at) == (0.5, RESET)
    assert found["seven_day"].unknown == {"mood": "fine"}
    assert found["overall"].utilization == 1


def test_of_two_names_the_longer_one_takes_its_members() -> None:
    headers = unified(grace_utilization="0.1", grace_late_utilization="0.2", grace_late_reset=EPOCH)
    found = by_name(read_rate_limits(headers))
    assert {name: (one.utilization, one.resets_at) for name, one in found.items()} == {
        "grace": (0.1, None),
        "grace-late": (0.2, RESET),
    }


@pytest.mark.parametrize(
    ("text", "surpassed", "threshold", "malformed"),
    [
        ("true", True, None, False),
        ("false", False, None, False),
        ("0.9", True, 0.9, False),
        ("soon", False, None, True),
        ("", False, None, True),
    ],
)
def test_a_surpassed_threshold(text: str, surpassed: bool, threshold: float | None, malformed: bool) -> None:
    (found,) = read_rate_limits(unified(**{"5h_surpassed_threshold": text}))
    assert (found.surpassed, found.threshold) == (surpassed, threshold)
    assert (found.malformed == ("surpassed-threshold",)) == malformed


@pytest.mark.parametrize(
    ("member", "text"),
    [
        *(("utilization", text) for text in ("", "nan", "inf", "-0.1", "25", "0,5", "1e3", "0x1", "0.5, 0.6", "٠.٥")),
        *(("reset", text) for text in ("", "tomorrow", "12", "-1764000000", "1764000000x", "2026-11-22T14:00:00")),
        ("status", ""),
    ],
)
def test_what_cannot_be_read_is_named_and_left_out(member: str, text: str) -> None:
    (found,) = read_rate_limits({f"{UNIFIED}5h-{member}": text})
    assert found == Gauge(kind="window", name="5h", malformed=(member,))


def test_the_headers_of_an_api_key() -> None:
    said = {"limit": "4000", "remaining": "3000", "reset": "2026-11-22T14:00:00Z"}
    headers = {f"anthropic-ratelimit-input-tokens-{member}": value for member, value in said.items()}
    headers |= {"anthropic-ratelimit-requests-limit": "0", "anthropic-ratelimit-requests-remaining": "7"}
    headers |= {"anthropic-ratelimit-tokens-remaining": "-1", "anthropic-ratelimit-tokens-reset": "now"}
    headers |= {"anthropic-ratelimit-output-tokens-limit": "5", "anthropic-ratelimit-output-tokens-remaining": "9"}
    headers |= {"anthropic-ratelimit-weather": "fine", "anthropic-ratelimit-": "odd"}
    found = by_name(read_rate_limits(headers))
    assert found["input-tokens"] == Gauge(
        kind="key",
        name="input-tokens",
        utilization=0.25,
        resets_at=RESET,
        facts={"limit": "4000", "remaining": "3000"},
    )
    assert found["requests"].utilization is None
    assert found["tokens"] == Gauge(kind="key", name="tokens", malformed=("remaining", "reset"))
    assert found["output-tokens"].utilization == 0
    assert found["overall"] == Gauge(kind="overall", name="", unknown={"weather": "fine"})


def test_nothing_is_read_of_other_headers() -> None:
    assert read_rate_limits({"x-ratelimit-limit": "7", "retry-after": "3"}) == ()


def test_of_too_many_gauges_the_rest_is_named_only() -> None:
    many = {f"{UNIFIED}{number}h-status": "allowed" for number in range(10, 60)}
    many |= {f"anthropic-ratelimit-k{number}-limit": "1" for number in range(10, 60)}
    found = read_rate_limits(many)
    assert [sum(one.kind == kind for one in found) for kind in ("window", "key")] == [MAX_GAUGES, MAX_GAUGES]
    (overall,) = [one for one in found if one.kind == "overall"]
    assert len(overall.unknown) == 2 * (50 - MAX_GAUGES)


OTHER_TIMES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T23:59:59Z", "3000-01-01T00:00:00Z")


@pytest.mark.parametrize("text", [*OTHER_TIMES, "900000000", "99999999999"])
def test_a_moment_of_another_millennium_is_none(text: str) -> None:
    assert read_reset(text) is None


WORDS = st.sampled_from(["5h", "7d", "7d_oi", "overage", "status", "reset", "utilization", "in-use", "limit", "x", ""])
NAMES = st.lists(WORDS | st.text(max_size=3), max_size=4).map("-".join)
VALUES = st.text(max_size=8) | st.sampled_from(["0.5", EPOCH, "allowed", "true", "9" * 40, "2026-11-22T14:00:00Z"])


@given(st.dictionaries(st.tuples(st.sampled_from(["anthropic-ratelimit-", UNIFIED, ""]), NAMES).map("".join), VALUES))
def test_nothing_is_lost_and_nothing_raises(headers: dict[str, str]) -> None:
    """The plain rule: every member is read into a field, kept as a word, or named as unreadable, exactly once."""
    wanted = {name.lower().removeprefix("anthropic-ratelimit-") for name in headers if _is_ours(name)}
    found = list[str]()
    for one in read_rate_limits(headers):
        prefix = {"overall": "", "overage": "unified-overage-", "window": f"unified-{one.name}-"}.get(
            one.kind, f"{one.name}-"
        )
        fields = {"status": one.status, "utilization": one.utilization, "reset": one.resets_at}
        read = {name for name, value in fields.items() if value is not None and not (one.kind == "key" != name == "x")}
        if one.kind == "key":
            read = {"reset"} if one.resets_at else set()
        if one.surpassed:
            read.add("surpassed-threshold")
        assert not read & set(one.malformed)
        for name in [*read, *one.facts, *one.unknown, *one.malformed]:
            assert not (name in one.facts and name in one.malformed)
            found.append(prefix + name)
    known = {name.removeprefix("unified-") for name in found}
    assert known == {name.removeprefix("unified-") for name in wanted if not _says_nothing(headers, name)}


def _is_ours(name: str) -> bool:
    lower = name.lower()
    return lower.startswith("anthropic-ratelimit-") and lower != "anthropic-ratelimit-"


def _says_nothing(headers: dict[str, str], member: str) -> bool:
    """``false`` is what is not surpassed."""
    values = {name.lower().removeprefix("anthropic-ratelimit-"): value.strip() for name, value in headers.items()}
    return member.endswith("surpassed-threshold") and values[member] == "false"


@given(
    st.dictionaries(
        st.sampled_from(["5h", "7d", "7d_oi", "30d_x"]),
        st.tuples(
            st.sampled_from(["allowed", "allowed_warning", "rejected"]),
            st.integers(0, 120).map(lambda cents: cents / 100),
            st.integers(1_700_000_000, 1_900_000_000),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read(windows: dict[str, tuple[str, float, int]]) -> None:
    headers = dict[str, str]()
    for name, (status, share, reset) in windows.items():
        headers |= {
            f"{UNIFIED}{name}-status": status,
            f"{UNIFIED}{name}-utilization": str(share),
            f"{UNIFIED}{name}-reset": str(reset),
        }
    found = {one.name: (one.status, one.utilization, one.resets_at) for one in read_rate_limits(headers)}
    assert found == {
        name: (status, share, datetime.fromtimestamp(reset, UTC)) for name, (status, share, reset) in windows.items()
    }
