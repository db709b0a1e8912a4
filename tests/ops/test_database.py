"""Which database a command gets: the given one, that of the running ``nexus up``, or the embedded one for a while."""

import os
import threading
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from domain.errors import SetupError
from ops import database
from ops.database import embedded_config, end_database_left_behind, given, reached
from ops.db.embedded import EmbeddedPostgres, status
from ops.home import Home, prepare
from ops.home_lock import HomeHeldError, held, holder_of, me
from ops.run_state import PartNow, RunState, write
from ops.settings import Settings

URL = "postgresql://nexus@/nexus?host=/run"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepare(tmp_path)


def settings(**found: object) -> Settings:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings.model_construct(**defaults | found)


def running(url: str, *parts: str) -> RunState:
    return RunState(os.getpid(), database_url=url, parts={part: PartNow("ready") for part in parts})


def test_a_given_url_is_taken_and_the_home_left_alone(home: Home) -> None:
    found = settings(database_url=SecretStr(URL))
    with reached(found, home, me("events")) as url:
        assert url == URL
        assert holder_of(home) is None
    assert given(found, home, "shipper") == URL


def test_the_embedded_one_is_started_for_the_while_and_nobody_else_comes_in(home: Home) -> None:
    with reached(settings(), home, me("events")) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        holder = holder_of(home)
        assert holder is not None
        assert holder.command == "events"
    assert status(home.postgres) is None
    assert holder_of(home) is None
    with pytest.raises(ZeroDivisionError), reached(settings(), home, me("events")):
        raise ZeroDivisionError
    assert status(home.postgres) is None, "it is stopped after a failure too"


def test_that_of_the_running_nexus_is_used_and_left_running(home: Home) -> None:
    with held(home, me("up")):
        write(home, running(URL, "postgres"))
        with reached(settings(), home, me("events")) as url:
            assert url == URL
        assert given(settings(), home, "shipper") == URL


def test_a_nexus_that_is_still_starting_is_waited_for(home: Home) -> None:
    write(home, running("", "postgres"))
    with held(home, me("up")):
        later = threading.Timer(0.2, write, (home, running(URL, "postgres")))
        later.start()
        with reached(settings(), home, me("events")) as url:
            assert url == URL
        later.join()


def test_who_holds_the_home_for_too_long_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    refused = pytest.raises(HomeHeldError, match="`nexus migrate` already runs")
    with held(home, me("migrate")), refused, reached(settings(), home, me("events")):
        pass


def test_a_nexus_on_another_server_is_pointed_out(home: Home) -> None:
    with held(home, me("up")):
        write(home, running("", "gateway", "shipper"))
        refused = pytest.raises(SetupError, match="uses a DATABASE_URL: set the same one here")
        with refused, reached(settings(), home, me("events")):
            pass


def test_a_part_alone_needs_a_database_that_stays(home: Home) -> None:
    with pytest.raises(SetupError, match="`nexus shipper` alone needs a database: set DATABASE_URL"):
        given(settings(), home, "shipper")


def test_a_database_that_was_left_behind_is_ended(home: Home) -> None:
    end_database_left_behind(settings(), home)
    assert not (home.postgres / "data").exists(), "none is started to be ended"
    server = EmbeddedPostgres.start(embedded_config(settings(), home))
    end_database_left_behind(settings(), home)
    assert server.wait(10)


def test_somebody_else_s_database_is_left_alone(home: Home) -> None:
    own = EmbeddedPostgres.start(embedded_config(settings(), home))
    end_database_left_behind(settings(database_url=SecretStr(URL)), home)
    assert own.is_alive()
    own.stop("immediate")
