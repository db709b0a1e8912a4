"""Records come back as they were written, and stay readable when fields are added."""

import msgspec
import pytest

from gateway.records import (
    EndRecord,
    ForwardedRecord,
    GapRecord,
    HeaderLine,
    RequestRecord,
    ResponseRecord,
    encode,
)

REQUEST = RequestRecord(
    wall_ns=1,
    mode="managed",
    method="POST",
    target="/v1/messages",
    headers=(HeaderLine("Host", "h"), HeaderLine("x-api-key", None, None, "ff")),
    client_domain="h",
    byte_count=3,
    key_id="k",
    account="a",
)
REQUEST_WRITTEN = (
    b'{"wall_ns":1,"mode":"managed","method":"POST","target":"/v1/messages",'
    b'"headers":[["Host","h",null,null],["x-api-key",null,null,"ff"]],'
    b'"client_domain":"h","byte_count":3,"key_id":"k","account":"a"}'
)
RECORDS = [
    (REQUEST, REQUEST_WRITTEN),
    (ForwardedRecord(deferred=True), b'{"deferred":true}'),
    (ResponseRecord("gateway", 502, ()), b'{"origin":"gateway","status":502,"headers":[],"upstream_request_id":null}'),
    (EndRecord("client", 5, 4, "gone"), b'{"outcome":"client","received":5,"delivered":4,"detail":"gone"}'),
    (GapRecord("response", "disk full", 1, 2), b'{"part":"response","reason":"disk full","offset":1,"byte_count":2}'),
]


@pytest.mark.parametrize(("record", "frozen"), RECORDS, ids=lambda one: type(one).__name__)
def test_a_record_is_written_as_ever_and_comes_back(record: msgspec.Struct, frozen: bytes) -> None:
    assert encode(record) == frozen
    assert msgspec.json.decode(frozen, type=type(record)) == record


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert msgspec.json.decode(b'{"deferred":true,"later":1}', type=ForwardedRecord).deferred
