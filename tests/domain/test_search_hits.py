"""What is wanted is anything, until somebody says otherwise."""

from dataclasses import asdict

from domain.search_hits import Hits, SearchFilter


def test_nothing_is_left_out_but_what_the_client_asked_for_itself() -> None:
    assert {name: value for name, value in asdict(SearchFilter()).items() if value is not None} == {"aside": False}


def test_no_hits_have_no_total() -> None:
    assert Hits((), 0).items == ()
