"""What a check can find has a name, and each name says what to do."""

from ops.checking.violations import ADVICE, Counts


def test_every_invariant_has_advice() -> None:
    assert ADVICE.keys() == {*(f"I{number}" for number in range(1, 9)), "store"}


def test_counts_are_numbers_by_name() -> None:
    assert Counts(exchanges=3).as_dict()["exchanges"] == 3
    assert set(Counts().as_dict().values()) == {0}
