"""Ines's files agree with what is said about them."""

import re

from ops.demo.sessions import ines_files as files
from ops.demo.story import plain


def test_the_change_fits_the_file() -> None:
    assert plain(files.OLD_RENEW) in plain(files.LEASE)
    assert sorted(plain(files.OLD_RENEW).splitlines()) == sorted(plain(files.NEW_RENEW).splitlines())


def test_searches_find_what_stands_in_the_file() -> None:
    lines = plain(files.LEASE).splitlines()
    for found in plain(files.EXPIRES).splitlines():
        _, number, text = found.split(":", 2)
        assert lines[int(number) - 40] == text


def test_the_race_is_where_the_agents_say() -> None:
    reads, writes = re.findall(r"lease\.go:(\d+)", files.STRESS_FAILS)
    lines = plain(files.LEASE).splitlines()
    assert "now.After(l.expires)" in lines[int(reads) - 40]
    assert "l.expires = " in lines[int(writes) - 40]


def test_four_of_two_hundred_runs_fail() -> None:
    runs = files.long_run()
    assert runs.count("--- FAIL") == 4
    assert runs.count("--- PASS") == 196


def instances(minute: int) -> dict[str, tuple[int, int]]:
    found = re.findall(r"^(\S+) +(\d+)/(\d+)", files.status_at(minute), re.MULTILINE)
    return {region: (int(new), int(every)) for region, new, every in found}


def test_the_rollout_goes_region_by_region_and_only_forward() -> None:
    looks = [instances(minute) for minute in range(len(files.COMMENTS) + 1)]
    totals = [sum(new for new, _ in look.values()) for look in looks]
    assert (totals[0], totals[-1]) == (0, 214)
    assert totals == sorted(totals)
    for look in looks:
        begun = [new > 0 for new, _ in look.values()]
        assert begun == sorted(begun, reverse=True)


def test_the_comments_fit_the_numbers() -> None:
    for minute, comment in enumerate(files.COMMENTS, 1):
        look = instances(minute)
        named = [region for region in look if re.search(rf"{region} (?:has begun|begins)", comment)]
        done = [region for region in look if re.search(rf"{region} is done", comment)]
        assert all(look[region][0] > 0 for region in named), comment
        assert all(look[region][0] == look[region][1] for region in done), comment
    assert "41 ms" in files.status_at(7)
    assert "27 ms" in files.status_at(8)
