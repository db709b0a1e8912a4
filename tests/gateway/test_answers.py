"""An answer of our own says what it is and how long it is."""

from gateway.answers import own_answer


def test_an_own_answer_has_its_type_its_length_and_what_else_it_is_given() -> None:
    own = own_answer(413, b"application/json", b"{}", more=((b"retry-after", b"1"),))
    assert own.body == b"{}"
    assert own.head.status == 413
    assert own.head.reason == b"Request Entity Too Large"
    assert own.head.headers == (
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"retry-after", b"1"),
    )
    assert own.head.length == 2
