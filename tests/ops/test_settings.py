"""Settings: where they come from, which one wins, and one line for each that cannot be."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import SetupError
from ops.settings import Settings, debug_is_on, handed_sockets, inherited, load, unknown_variables
from ops.settings_text import table


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting of this machine gets in; the home is empty."""
    for row in table(Settings):
        monkeypatch.delenv(row.variable, raising=False)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path


def complaint() -> str:
    with pytest.raises(SetupError) as caught:
        load()
    return str(caught.value)


def test_the_defaults_are_loopback_the_real_upstream_and_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_HOME")
    settings = load()
    assert settings.home == Path("~/.nexus").expanduser()
    assert settings.gateway_host == settings.dashboard_host == ("127.0.0.1", "::1")
    assert (settings.gateway_port, settings.dashboard_port) == (3000, 3001)
    assert settings.upstream_url == "https://api.anthropic.com"
    assert settings.drain_s == 15.0
    assert settings.storage_enabled
    assert settings.database_url is None
    assert not settings.debug


def test_the_environment_wins_over_the_folder_and_the_folder_over_the_home(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "home" / ".env").write_text("NEXUS_GATEWAY_PORT=1\nNEXUS_DASHBOARD_PORT=1001\nNEXUS_DRAIN_S=1\n")
    (bare / ".env").write_text("NEXUS_GATEWAY_PORT=2\nNEXUS_DASHBOARD_PORT=1002\n")
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "3")
    settings = load(bare)
    assert (settings.gateway_port, settings.dashboard_port, settings.drain_s) == (3, 1002, 1.0)


def test_without_a_folder_only_the_home_has_a_file(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".env").write_text("NEXUS_GATEWAY_PORT=2\n")
    monkeypatch.chdir(bare)
    assert load().gateway_port == 3000


def test_the_folder_may_say_where_the_home_is(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_HOME")
    (bare / "home" / ".env").write_text("NEXUS_DRAIN_S=7\n")
    (bare / ".env").write_text(f"NEXUS_HOME={bare / 'home'}\nSOMEBODY_ELSES=1\n")
    assert load(bare).drain_s == 7.0


def test_the_usual_names_have_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("DATABASE_READ_URL", "host=replica dbname=d")
    monkeypatch.setenv("DASHBOARD_API_KEY", "key")
    monkeypatch.setenv("GEMINI_API_KEY", "key")
    monkeypatch.setenv("STORAGE_ENABLED", "false")
    monkeypatch.setenv("DEBUG", "1")
    settings = load()
    assert settings.database_url == SecretStr("postgresql://u:p@h/d")
    assert settings.database_read_url == SecretStr("host=replica dbname=d")
    assert settings.dashboard_api_key == settings.gemini_api_key == SecretStr("key")
    assert not settings.storage_enabled
    assert settings.debug


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("DATABASE_URL", "DATABASE_READ_URL", "NEXUS_UPSTREAM_PROXY", "DASHBOARD_API_KEY", "GEMINI_API_KEY")
    for name in names:
        monkeypatch.setenv(name, "http://s3cret" if name.endswith("PROXY") else "postgresql://s3cret")
    assert "s3cret" not in repr(load())
    monkeypatch.setenv("DATABASE_URL", "mysql://s3cret")
    assert "s3cret" not in complaint()


def test_lists_are_separated_by_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_ALLOW_UPSTREAM", "a.example, 10.0.0.1 b")
    assert load().allow_upstream == ("a.example", "10.0.0.1", "b")


def test_a_url_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_UPSTREAM_URL", "https://gateway.example/prefix/")
    assert load().upstream_url == "https://gateway.example/prefix"


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "")
    assert load().database_url is None
    assert load().gateway_port == 3000


@pytest.mark.parametrize(("value", "on"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("app:*", False)])
def test_debug_is_only_ours_when_it_is_a_plain_yes(monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("DEBUG", value)
    assert load().debug is on
    assert debug_is_on() is on


def test_debug_is_off_unless_set() -> None:
    assert not debug_is_on()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("NEXUS_GATEWAY_PORT", "http", "valid integer"),
        ("NEXUS_GATEWAY_PORT", "70000", "less than or equal to 65535"),
        ("NEXUS_DASHBOARD_PORT", "-1", "greater than or equal to 0"),
        ("NEXUS_GATEWAY_HOST", ",", "it names no address"),
        ("NEXUS_UPSTREAM_URL", "api.anthropic.com", "no http:// or https:// URL"),
        ("NEXUS_UPSTREAM_PROXY", "socks5://x", "no http:// or https:// URL"),
        ("DATABASE_URL", "mysql://h/d", "no postgresql:// URL; unset it"),
        ("DATABASE_URL", "nonsense", "no postgresql:// URL; unset it"),
        ("STORAGE_ENABLED", "perhaps", "valid boolean"),
        ("NEXUS_DRAIN_S", "-1", "greater than or equal to 0"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "there is no such file"),
        ("NEXUS_CLAUDE_BIN", "~nobody-of-that-name/claude", "has no home folder"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    line = complaint()
    assert line.startswith(f"{variable} cannot be used: ")
    assert says in line
    assert "\n" not in line


def test_two_services_do_not_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "3001")
    assert complaint() == "NEXUS_GATEWAY_PORT and NEXUS_DASHBOARD_PORT are both 3001; give one another port."
    monkeypatch.setenv("NEXUS_GATEWAY_PORT", "0")
    monkeypatch.setenv("NEXUS_DASHBOARD_PORT", "0")
    assert load().gateway_port == 0


def test_paths_are_absolute_and_know_the_users_home(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bare)
    monkeypatch.setenv("NEXUS_HOME", "other")
    monkeypatch.setenv("NEXUS_PG_BIN", "~/pg")
    assert load().home == bare / "other"
    assert load().pg_bin == Path("~/pg").expanduser()


def test_an_env_file_that_cannot_be_read_is_named(bare: Path) -> None:
    (bare / ".env").write_bytes(b"NEXUS_DRAIN_S=\xff\n")
    with pytest.raises(SetupError, match=r"\.env cannot be read"):
        load(bare)


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().drain_s = 1.0  # type: ignore[misc]  # the very thing that must not work


def test_a_slip_of_the_pen_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_GATWAY_PORT", "1")
    monkeypatch.setenv("NEXUS_ZZZZZZ", "1")
    monkeypatch.setenv("NEXUS_REQUIRE_CLAUDE", "1")
    assert unknown_variables() == [("NEXUS_GATWAY_PORT", "NEXUS_GATEWAY_PORT"), ("NEXUS_ZZZZZZ", "")]


def test_children_inherit_the_environment_with_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_DRAIN_S", "1")
    monkeypatch.setenv("OTHER", "kept")
    given = inherited({"NEXUS_DRAIN_S": "2"})
    assert (given["NEXUS_DRAIN_S"], given["OTHER"]) == ("2", "kept")


@pytest.mark.parametrize("value", ["0", "65", "many"])
def test_a_gateway_has_between_1_and_64_workers(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert load().gateway_workers == 1
    monkeypatch.setenv("NEXUS_GATEWAY_WORKERS", value)
    with pytest.raises(SetupError, match="NEXUS_GATEWAY_WORKERS"):
        load()


@pytest.mark.parametrize(
    ("count", "pid", "found"),
    [("2", 7, (3, 4)), ("0", 7, ()), ("2", 8, ()), ("", 7, ()), ("-1", 7, ()), ("x", 7, ()), (None, 7, ())],
)
def test_sockets_are_ours_if_systemd_opened_them_for_us(
    monkeypatch: pytest.MonkeyPatch, count: str | None, pid: int, found: tuple[int, ...]
) -> None:
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    if count is not None:
        monkeypatch.setenv("LISTEN_FDS", count)
    monkeypatch.setenv("LISTEN_PID", "7")
    assert handed_sockets(pid) == found
    monkeypatch.delenv("LISTEN_PID")
    assert handed_sockets(pid) == ()
