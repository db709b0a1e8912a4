"""The gateway says why it is degraded, in words, and never because of what is not its host's."""

import pytest

from gateway.published import Family, Published, Sample, Seen
from gateway.readiness import HostNow, reasons
from gateway.unshipped import Unshipped

NOW = 1000.0
NO_SHIPPER = "no shipper is running: records wait on this disk"
AWAY = "the database is away: records wait on this disk"


def shipper(lag_s: float = 0.0, store_up: float = 1.0, age_s: float = 0.0) -> Seen:
    samples = (("nexus_store_up", store_up), ("nexus_ship_lag_seconds", lag_s))
    return Seen(Published(tuple(Family(n, "gauge", "", (Sample(n, {}, value),)) for n, value in samples)), age_s)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (shipper(), []),
        (shipper(lag_s=30), []),
        (shipper(lag_s=31), ["shipping is 31 s behind"]),
        (shipper(store_up=0), [AWAY]),
        (shipper(lag_s=600, store_up=0), [AWAY, "shipping is 600 s behind"]),
        (shipper(age_s=11), [NO_SHIPPER]),
        (Seen(Published(), 0), []),
        (None, [NO_SHIPPER]),
    ],
)
def test_shipping(seen: Seen | None, expected: list[str]) -> None:
    host = HostNow({"shipper": seen} if seen else {}, at=NOW)
    assert reasons(None, host, expects_shipper=True) == expected


def test_without_a_shipper_the_age_is_what_was_measured_here() -> None:
    host = HostNow(unshipped=Unshipped(1, int((NOW - 45) * 1e9)), at=NOW)
    assert reasons(None, host, expects_shipper=True) == [NO_SHIPPER, "shipping is 45 s behind"]


def test_where_nothing_is_recorded_or_nobody_has_looked_yet_no_shipper_is_missed() -> None:
    assert reasons(None, HostNow(at=NOW), expects_shipper=False) == []
    assert reasons(None, HostNow(), expects_shipper=True) == []


def test_the_journal_s_own_trouble_comes_first() -> None:
    assert reasons("the disk refuses writes", HostNow(disk_share=1.0, at=NOW), expects_shipper=False) == [
        "the disk refuses writes",
        "the disk of the journals is 100% full",
    ]


@pytest.mark.bar(78)
@pytest.mark.parametrize(("share", "found"), [(None, 0), (0.8, 0), (0.81, 1)])
def test_a_full_disk(share: float | None, found: int) -> None:
    assert len(reasons(None, HostNow(disk_share=share, at=NOW), expects_shipper=False)) == found


def test_a_part_that_says_nothing_is_named() -> None:
    host = HostNow({"gateway-2": Seen(Published(), 19), "dashboard": Seen(Published(), 1)}, at=NOW)
    assert reasons(None, host, expects_shipper=False) == ["gateway-2 says nothing; it died or is being restarted"]
