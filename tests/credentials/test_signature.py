"""A signature never shows what it signs with; each reason has its remedy."""

from typing import get_args

from credentials.signature import REMEDIES, CredentialUnusableError, Signature, Why


def test_no_secret_is_printed() -> None:
    signature = Signature("acme.example", ((b"x-api-key", b"sk-secret"),), secrets=(b"sk-secret",))
    assert "secret" not in repr(signature).replace("secrets", "")


def test_an_error_says_why() -> None:
    error = CredentialUnusableError("missing", "There is none.")
    assert (error.why, str(error)) == ("missing", "There is none.")


def test_each_reason_has_its_remedy() -> None:
    assert set(REMEDIES) == set(get_args(Why))
