"""What did the user set? The only reader of the environment; ``.env`` files are honoured.

An environment variable wins over ``.env`` in the current folder, which wins over ``.env`` in the home.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import SetupError
from ops.settings_text import complaint, table

_OF_OTHERS = {"NEXUS_REQUIRE_BROWSER", "NEXUS_REQUIRE_CLAUDE", "NEXUS_REQUIRE_COMPILER", "NEXUS_CHROMIUM"}
"""Read by the tests."""
_FIRST_HANDED = 3
"""systemd's convention: the first descriptor behind the standard ones."""
_TRUE_WORDS = {"1", "true", "yes", "on"}
_POSTGRES_SCHEMES = ("postgresql", "postgres")


def _split_words(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _is_on(value: object) -> object:
    """``DEBUG`` belongs to many programs: a value that is no plain yes is not meant for us."""
    return value.strip().lower() in _TRUE_WORDS if isinstance(value, str) else value


def _postgres_url(value: SecretStr) -> SecretStr:
    """The two forms that libpq knows: a URL, or key=value words. The rest is checked where it is taken apart."""
    url = value.get_secret_value()
    scheme, has_scheme, _ = url.partition("://")
    if scheme not in _POSTGRES_SCHEMES if has_scheme else "=" not in url:
        raise ValueError("it is no postgresql:// URL; unset it to use the embedded database")
    return value


def _http_url(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("it is no http:// or https:// URL")
    return value.rstrip("/")


def _secret_http_url(value: SecretStr) -> SecretStr:
    return SecretStr(_http_url(value.get_secret_value()))


def _expanded(value: Path) -> Path:
    try:
        return value.expanduser().absolute()
    except RuntimeError:
        raise ValueError("this user has no home folder; give a path that starts with /") from None


def _existing(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("there is no such file")
    return value


Port = Annotated[int, Field(ge=0, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_secret_http_url)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
FilePath = Annotated[Path, AfterValidator(_expanded)]
ExistingFile = Annotated[Path, AfterValidator(_expanded), AfterValidator(_existing)]


class Settings(BaseSettings):
    """Everything that can be set. Names with the prefix ``NEXUS_``, but for the six that are usual elsewhere."""

    model_config = SettingsConfigDict(env_prefix="NEXUS_", env_ignore_empty=True, extra="ignore", frozen=True)

    home: FilePath = Field(
        default=Path("~/.nexus"),
        validate_default=True,
        description="Folder of the embedded database, the journals, the logs and the keys.",
    )
    gateway_host: Words = Field(
        default=("127.0.0.1", "::1"), description="Addresses the gateway listens on, comma-separated."
    )
    gateway_port: Port = Field(default=3000, description="Port of the gateway; 0: any free one.")
    mode: Literal["auto", "pass_through", "managed"] = Field(
        default="auto",
        description="Whose credential goes upstream. managed: a stored one, for clients with a Nexus key; "
        "pass_through: the client's own; auto: managed once a key was issued, or if the gateway listens on more than "
        "the loopback.",
    )
    gateway_workers: int = Field(
        default=1, ge=1, le=64, description="Processes of the gateway that share its port under `nexus up`."
    )
    dashboard_host: Words = Field(
        default=("127.0.0.1", "::1"), description="Addresses the dashboard listens on, comma-separated."
    )
    dashboard_port: Port = Field(default=3001, description="Port of the dashboard; 0: any free one.")
    dashboard_url: Words = Field(
        default=(),
        description="Where browsers find the dashboard, if not at its own address: https://name of a TLS proxy.",
    )
    dashboard_memory_mb: int = Field(
        default=2000,
        ge=500,
        description="MB of memory that the dashboard's processes may hold (Linux); beyond it new pages have to wait.",
    )
    upstream_url: HttpUrl = Field(default="https://api.anthropic.com", description="Where requests go.")
    allow_upstream: Words = Field(
        default=(),
        description="Hosts that may be upstream though they are http, literal addresses or private; comma-separated.",
    )
    upstream_proxy: ProxyUrl | None = Field(default=None, description="HTTP proxy on the way to the upstream.")
    ca_file: ExistingFile | None = Field(
        default=None, validation_alias="SSL_CERT_FILE", description="Certificates that the upstream is checked with."
    )
    drain_s: float = Field(
        default=15.0, ge=0, le=3600, description="Seconds that open answers may take to end when Nexus stops."
    )
    keep_journals_h: float = Field(
        default=0.0,
        ge=0,
        le=24 * 366,
        description="Hours that shipped journals stay on the disk, so that a restored backup gets what came after it; "
        "set it to more than the time between two backups. 0: none.",
    )
    storage_enabled: bool = Field(
        default=True, validation_alias="STORAGE_ENABLED", description="false: forward without recording anything."
    )
    database_url: PostgresUrl | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="A PostgreSQL server (14 or newer) instead of the embedded one.",
    )
    database_read_url: PostgresUrl | None = Field(
        default=None, validation_alias="DATABASE_READ_URL", description="A replica for the dashboard to read from."
    )
    pg_bin: FilePath | None = Field(
        default=None, description="Folder with other PostgreSQL programs for the embedded database."
    )
    dashboard_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="DASHBOARD_API_KEY",
        description="Key of the dashboard and its API; unset: one is made and kept in the home.",
    )
    gemini_api_key: SecretStr | None = Field(
        default=None, validation_alias="GEMINI_API_KEY", description="Key for the AI analysis of conversations."
    )
    credentials_key_file: ExistingFile | None = Field(
        default=None,
        description="File with the key that seals the upstream credentials; unset: one is made and kept in the home.",
    )
    oauth_authorize_url: HttpUrl = Field(
        default="https://claude.com/cai/oauth/authorize",
        description="Where `nexus credentials login` sends the person.",
    )
    oauth_token_url: HttpUrl = Field(
        default="https://platform.claude.com/v1/oauth/token", description="Where OAuth tokens come from."
    )
    oauth_client_id: str = Field(
        default="9d1c250a-e61b-44d9-88ed-5944d1962f5e", description="OAuth client that Nexus logs in as."
    )
    oauth_redirect_uri: HttpUrl = Field(
        default="https://platform.claude.com/oauth/code/callback", description="Page that shows the code to be pasted."
    )
    oauth_scopes: Words = Field(
        default=("org:create_api_key", "user:profile", "user:inference"),
        description="What a login asks for, comma-separated.",
    )
    client_key: SecretStr | None = Field(
        default=None, description="The client key that `nexus claude` shows to a gateway in managed mode."
    )
    claude_bin: FilePath | None = Field(
        default=None, description="The Claude Code that `nexus claude` runs; unset: `claude` on the PATH."
    )
    debug: Annotated[bool, BeforeValidator(_is_on)] = Field(
        default=False, validation_alias="DEBUG", description="1: more in the logs, and tracebacks."
    )

    @field_validator("dashboard_api_key", mode="before")
    @classmethod
    def _not_blank(cls, key: object) -> object:
        """No request can hold blanks around a key, and nothing but blanks is no key."""
        return (key.strip() or None) if isinstance(key, str) else key

    @field_validator("gateway_host", "dashboard_host")
    @classmethod
    def _at_least_one(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not hosts:
            raise ValueError("it names no address")
        return hosts

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.gateway_port == self.dashboard_port != 0:
            raise ValueError(
                f"NEXUS_GATEWAY_PORT and NEXUS_DASHBOARD_PORT are both {self.gateway_port}; give one another port"
            )
        return self


def load(folder: Path | None = None) -> Settings:
    """Read the settings; ``folder``: where a ``.env`` may lie besides the home, None: nowhere.

    Raises SetupError with one line that names the variable.
    """
    here = (folder / ".env",) if folder else ()
    home = _read(here).home
    return _read((home / ".env", *here))


def debug_is_on() -> bool:
    """Whether ``DEBUG`` is set, when the settings as a whole may be what is wrong."""
    return bool(_is_on(os.environ.get("DEBUG", "")))


def unknown_variables() -> list[tuple[str, str]]:
    """Environment variables that look like ours and are not, each with the one that may have been meant, or ""."""
    known = {row.variable for row in table(Settings)}
    strangers = sorted(name for name in os.environ if name.startswith("NEXUS_") and name not in known | _OF_OTHERS)
    return [(name, next(iter(get_close_matches(name, known, 1)), "")) for name in strangers]


def handed_sockets(pid: int) -> tuple[int, ...]:
    """Descriptors of the sockets that systemd opened for the process ``pid`` (``LISTEN_FDS``)."""
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return ()
    return tuple(range(_FIRST_HANDED, _FIRST_HANDED + int(count)))


def inherited(changes: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with changes, for a program that we start."""
    return {**os.environ, **changes}


def _read(files: tuple[Path, ...]) -> Settings:
    try:
        return Settings(_env_file=files)
    except ValidationError as error:
        raise SetupError(complaint(error, Settings)) from None
    except (OSError, UnicodeDecodeError) as error:
        names = " or ".join(str(file) for file in files)
        raise SetupError(f"{names} cannot be read ({error}). Mend or remove the file.") from None
