"""Addresses that a client on this machine can use."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.addresses import address_of


@given(st.ip_addresses(), st.integers(1, 65535))
def test_it_is_a_url_of_that_address_and_port(address: object, port: int) -> None:
    parts = urlsplit(address_of(str(address), port))
    assert (parts.scheme, parts.port, parts.path) == ("http", port, "")
    assert parts.hostname is not None
    found = ip_address(parts.hostname.partition("%")[0])
    assert found == address or (ip_address(str(address)).is_unspecified and found.is_loopback)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("", "http://127.0.0.1:80"),
        ("pc", "http://pc:80"),
    ],
)
def test_all_interfaces_are_reached_by_loopback(host: str, address: str) -> None:
    assert address_of(host, 80) == address
