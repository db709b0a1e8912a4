"""The published numbers become words: what records, what waits, what is missing."""

import pytest

from gateway.published import Family, Published, Sample, Seen
from ops.part_report import ProjectionLag, Report, is_well, lines, report


def said(age_s: float = 0.0, **values: float) -> Seen:
    """``name__label_value``: a sample with the label projection."""
    families = []
    for key, value in values.items():
        name, _, projection = key.partition("__")
        labels = {"projection": projection} if projection else {}
        families.append(Family(name, "gauge", "", (Sample(name, labels, value),)))
    return Seen(Published(tuple(families)), age_s)


GATEWAY = said(nexus_recording=1, nexus_journal_trouble=0, nexus_recording_gaps_total=2, nexus_open_streams=3)
SHIPPER = said(nexus_store_up=1, nexus_ship_lag_bytes=0, nexus_ship_lag_seconds=0)
PROJECTOR = said(nexus_projection_lag_events__links=7, nexus_projection_lag_seconds__links=4.26)
WHOLE = {"gateway": GATEWAY, "gateway-2": GATEWAY, "shipper": SHIPPER, "projector": PROJECTOR}


def test_everything_is_said_once_for_the_host() -> None:
    assert report(WHOLE) == Report(
        recording="on",
        store="up",
        ship_bytes=0,
        ship_seconds=0,
        projections={"links": ProjectionLag(7, 4.3)},
        gaps=4,
        open_streams=6,
    )
    assert lines(report(WHOLE)) == [
        "recording: on",
        "shipping: up to date",
        "projection links: 4 s behind, 7 events wait",
        "recording gaps since the gateway's start: 4; `nexus doctor` says more",
    ]
    assert is_well(report(WHOLE))


def test_a_projector_that_stands_by_is_well() -> None:
    found = report({"projector": said(nexus_projector_leads=0)})
    assert lines(found) == ["projector: stands by; another one of this database leads"]
    assert is_well(found)
    assert report({"projector": said(nexus_projector_leads=1)}) == Report(projector="leads")


def test_nobody_says_anything() -> None:
    assert report({}) == Report()
    assert lines(Report()) == []
    assert is_well(Report())


@pytest.mark.parametrize(
    ("part", "seen", "line"),
    [
        ("gateway", said(nexus_recording=0), "recording: off (STORAGE_ENABLED=false)"),
        (
            "gateway",
            said(nexus_recording=1, nexus_journal_trouble=1),
            "recording: degraded, the journal's disk refuses records",
        ),
        ("shipper", said(nexus_store_up=0), "database: away; records wait on this disk"),
        (
            "shipper",
            said(nexus_ship_lag_seconds=61.4, nexus_ship_lag_bytes=900),
            "shipping: 61 s behind, 900 bytes wait",
        ),
        ("gateway", said(nexus_ship_lag_seconds=45), "shipping: 45 s behind, 0 bytes wait"),
        ("dashboard", said(19.0), "dashboard has stopped saying anything"),
    ],
)
def test_what_is_not_well_is_said(part: str, seen: Seen, line: str) -> None:
    found = report({part: seen})
    assert lines(found) == [line]
    assert is_well(found) is ("off" in line)


def test_what_a_silent_part_said_once_counts_no_more() -> None:
    assert report({"shipper": said(19.0, nexus_store_up=0)}) == Report(silent=("shipper",))


def test_a_gap_is_told_and_no_reason_to_fail() -> None:
    """It is past; the exit code of `nexus status` is about now."""
    assert is_well(report({"gateway": GATEWAY}))


def test_of_several_measurements_the_worst_one_counts() -> None:
    found = report({"gateway": said(nexus_ship_lag_seconds=3), "gateway-2": said(nexus_ship_lag_seconds=7)})
    assert found.ship_seconds == 7
