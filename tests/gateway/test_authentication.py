"""In pass-through everybody passes, with exactly what they brought."""

from gateway.authentication import pass_through


def test_the_clients_own_lines_go_on_untouched() -> None:
    lines = ((b"X-Api-Key", b"sk-1"), (b"authorization", b"Bearer 2"))
    admission = pass_through(lines)
    assert admission.mode == "pass_through"
    assert admission.headers is lines
    assert (admission.key_id, admission.account) == (None, None)


def test_no_credential_at_all_passes_too() -> None:
    assert pass_through(()).headers == ()
