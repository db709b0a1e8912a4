"""A config never shows its secrets."""

import dataclasses
from pathlib import Path

import pytest

from gateway.config import GatewayConfig


def test_secrets_do_not_appear_in_its_text_and_nothing_can_be_changed() -> None:
    proxy = "http://user:hunter2@proxy.example:3128"
    config = GatewayConfig(journal_root=Path("j"), fingerprint_key=b"hunter3", upstream_proxy=proxy)
    assert "hunter" not in repr(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.port = 1  # type: ignore[misc]


def test_by_default_it_listens_on_loopback_only_and_talks_to_anthropic() -> None:
    config = GatewayConfig(journal_root=Path("j"), fingerprint_key=b"k")
    assert config.hosts == ("127.0.0.1", "::1")
    assert config.upstream_url == "https://api.anthropic.com"
    assert (config.mode, config.limits_dir) == ("auto", None)
