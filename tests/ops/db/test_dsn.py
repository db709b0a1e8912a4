"""Database URLs: what libpq understands, asyncpg is told the same; no password is shown."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import SetupError
from ops.db.dsn import Dsn, parse_dsn

WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1, max_size=20
)


def told_to_asyncpg(dsn: str) -> dict[str, str]:
    """As asyncpg takes such a URL apart."""
    query = urlsplit(parse_dsn(dsn).for_asyncpg()).query
    return {name: values[-1] for name, values in parse_qs(query, strict_parsing=bool(query)).items()}


@given(st.fixed_dictionaries({}, optional={"user": WORDS, "password": WORDS, "dbname": WORDS, "host": WORDS}))
def test_asyncpg_is_told_what_libpq_reads(given: dict[str, str]) -> None:
    assert told_to_asyncpg(make_conninfo(**given)) == given


@given(st.fixed_dictionaries({}, optional={"user": WORDS, "password": WORDS, "dbname": WORDS, "host": WORDS}))
def test_the_url_for_asyncpg_means_the_same_to_libpq(given: dict[str, str]) -> None:
    assert conninfo_to_dict(parse_dsn(make_conninfo(**given)).for_asyncpg()) == given


def test_a_url_is_taken_apart() -> None:
    assert parse_dsn("postgres://ada:p%40ss@db.example:6543/nexus?sslmode=require") == Dsn(
        "db.example", "6543", "ada", "p@ss", "nexus", {"sslmode": "require"}
    )


def test_a_folder_as_host_is_a_unix_socket() -> None:
    for dsn in ("postgresql://ada@/nexus?host=/run/pg", "postgresql://ada@%2Frun%2Fpg/nexus"):
        assert told_to_asyncpg(dsn) == {"host": "/run/pg", "user": "ada", "dbname": "nexus"}


def test_an_address_serves_as_host() -> None:
    assert parse_dsn("hostaddr=10.0.0.1 dbname=nexus").host == "10.0.0.1"


def test_options_that_only_libpq_knows_are_not_sent_to_the_server() -> None:
    dsn = "postgresql://u@h/d?sslmode=require&channel_binding=require&connect_timeout=3&keepalives=1"
    assert told_to_asyncpg(dsn) == {"host": "h", "user": "u", "dbname": "d", "sslmode": "require"}
    assert parse_dsn(dsn).options["channel_binding"] == "require"


@given(WORDS)
def test_the_password_is_never_shown(password: str) -> None:
    shown = str(parse_dsn(make_conninfo(user="ada", password=password, host="db", dbname="nexus")))
    assert shown == "ada@db:5432/nexus"


def test_what_is_left_out_is_shown_as_its_default() -> None:
    assert str(parse_dsn("dbname=nexus")) == "localhost:5432/nexus"


@pytest.mark.parametrize("dsn", ["nonsense", "mysql://u@h/d", "postgresql://u@h/d?colour=red", "postgresql://u@[/d"])
def test_what_is_no_database_url_says_how_to_write_one(dsn: str) -> None:
    with pytest.raises(SetupError, match="postgresql://user:password@host:5432/database") as caught:
        parse_dsn(dsn)
    assert "\n" not in str(caught.value)


def test_the_message_does_not_repeat_the_url() -> None:
    with pytest.raises(SetupError) as caught:
        parse_dsn("postgresql://u:topsecret@h/d?colour=red")
    assert "topsecret" not in str(caught.value)
