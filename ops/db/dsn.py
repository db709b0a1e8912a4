"""What does a database URL say? Read once by libpq's own rules, written for each of the two drivers.

A URL (``postgresql://user@host:5432/name?sslmode=require``) and libpq's ``key=value`` form are both understood; a host
that begins with ``/`` is the folder of a unix socket.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.errors import SetupError

_OURS = ("host", "hostaddr", "port", "user", "password", "dbname")
_LIBPQ_ONLY = frozenset(
    {
        "channel_binding", "connect_timeout", "fallback_application_name", "gssdelegation", "gssencmode", "keepalives",
        "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "require_auth",
        "requirepeer", "sslcompression", "sslsni", "tcp_user_timeout",
    }
)  # fmt: skip
"""Options of libpq that asyncpg would send to the server, which refuses them. Hosted databases put some in their
URLs. The library's driver, psycopg, gets them all."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """A database URL, taken apart."""

    host: str
    port: str
    user: str
    password: str
    dbname: str
    options: Mapping[str, str]
    """Everything else, by libpq's names."""

    def __str__(self) -> str:
        """For people: no password."""
        at = f"{self.user}@" if self.user else ""
        return f"{at}{self.host or 'localhost'}:{self.port or 5432}/{self.dbname}"

    def for_asyncpg(self) -> str:
        named = {"host": self.host, "port": self.port, "user": self.user, "password": self.password}
        named["dbname"] = self.dbname
        named |= {name: value for name, value in self.options.items() if name not in _LIBPQ_ONLY}
        return "postgresql://?" + urlencode({name: value for name, value in named.items() if value})


def parse_dsn(dsn: str) -> Dsn:
    """Raises SetupError."""
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    except psycopg.Error as error:
        raise SetupError(
            "DATABASE_URL is not understood; write it as postgresql://user:password@host:5432/database."
        ) from error
    return Dsn(
        host=given.get("host") or given.get("hostaddr", ""),
        port=given.get("port", ""),
        user=given.get("user", ""),
        password=given.get("password", ""),
        dbname=given.get("dbname", ""),
        options={name: value for name, value in given.items() if name not in _OURS},
    )
