"""What can be set about a gateway? Everything, in one frozen value; ``ops`` reads the settings and builds it."""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.modes import WantedMode


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Settings of one gateway worker."""

    journal_root: Path
    """Folder of the journals; each worker makes one of its own in it."""
    fingerprint_key: bytes = field(repr=False)
    """Key of the fingerprints that are kept of secret header values."""
    part: str = "gateway"
    """This worker's name among the parts of its host."""
    metrics_dir: Path | None = None
    """Where the parts of this host publish their metrics; None: nowhere."""
    hosts: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses to listen on."""
    port: int = 3000
    """0: any free one, the same for all addresses."""
    sockets: tuple[int, ...] = ()
    """Descriptors of listening sockets that somebody else has opened, for several workers to share: instead of
    ``hosts`` and ``port``."""
    mode: WantedMode = "auto"
    """Whose credential goes upstream."""
    limits_dir: Path | None = None
    """Where the workers of this host tell each other what they count; None: each counts alone."""
    upstream_url: str = "https://api.anthropic.com"
    upstream_proxy: str | None = field(default=None, repr=False)
    """Proxy towards the upstream, with credentials if it wants some."""
    allow_upstream: frozenset[str] = frozenset()
    """Hosts that may be the upstream though they are private, literal or not encrypted."""
    storage_enabled: bool = True
    """False: pass everything through, record nothing."""
    body_limit: int = 64 * 1024 * 1024
    """Bytes of a request body."""
    body_idle_s: float = 30.0
    """Without a byte of a body that was announced."""
    body_total_s: float = 600.0
    """For a whole body."""
    stall_s: float = 120.0
    """A client that does not read what waits for it."""
    head_s: float = 10.0
    """For a request's whole head; for the first one counted from the connection's begin."""
    keepalive_s: float = 75.0
    """An idle client connection."""
    upstream_connect_s: float = 10.0
    upstream_idle_s: float = 600.0
    """Upstream without a byte; a ping of the stream counts as one."""
    drain_s: float = 15.0
    """Open streams may run on this long after the stop."""
    segment_bytes: int = 64 * 1024 * 1024
    """Size of a journal's segment."""
