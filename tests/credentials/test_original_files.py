"""The original system's files: taken over with their fields, but for what belongs elsewhere, which is told."""

import json

import pytest

from credentials.credential import ApiKeyCredential, CredentialContentError
from credentials.original_files import taken_over

DATA = json.dumps({"type": "api_key", "api_key": "canary", "accountId": "team", "slack": {"channel": "c"}}).encode()


def test_a_file_is_taken_over_as_it_is() -> None:
    found = taken_over("acme.example.credentials.json", DATA)
    assert (found.domain, found.notes) == ("acme.example", ())
    assert found.credential == ApiKeyCredential("canary", "team", {"slack": {"channel": "c"}})


def test_its_client_key_stays_behind_and_that_is_told() -> None:
    content = json.loads(DATA) | {"client_api_key": "cnp_live_canary"}
    found = taken_over("acme.example.credentials.json", json.dumps(content).encode())
    assert "client_api_key" not in found.credential.rest
    [note] = found.notes
    assert "nexus keys create" in note
    assert "canary" not in note


def test_port_and_case_of_its_name_are_mended_and_told() -> None:
    found = taken_over("Acme.Example:3000.credentials.json", DATA)
    assert found.domain == "acme.example"
    assert len(found.notes) == 2


def test_no_account_is_told() -> None:
    found = taken_over("a.example.credentials.json", b'{"type": "api_key", "api_key": "k"}')
    assert "signs for every account" in found.notes[0]


@pytest.mark.parametrize("name", ["x.json", ".credentials.json", "a b.credentials.json", "..credentials.json", "a"])
def test_a_name_without_a_domain_is_refused(name: str) -> None:
    with pytest.raises(CredentialContentError, match="client domain"):
        taken_over(name, DATA)


def test_content_that_is_none_is_refused() -> None:
    with pytest.raises(CredentialContentError):
        taken_over("a.example.credentials.json", b"{}")
