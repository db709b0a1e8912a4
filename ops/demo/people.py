"""Who works in the demo, on what? Invented people, devices and projects."""

from dataclasses import dataclass

from ops.demo.ids import account_uuid, device_id


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a device."""

    name: str
    device: str
    version: str = "2.1.330"
    """Of their Claude Code."""
    subscribed: bool = False
    """With a subscription instead of an API key: an account, and a prompt cache that lasts an hour."""
    hints: bool = False
    """Their client tells gateways more about its requests (CLAUDE_CODE_GATEWAY_HINT_HEADERS)."""
    scripted: bool = False
    """Nobody sits there: ``claude -p``."""

    @property
    def device_id(self) -> str:
        return device_id(f"{self.name}@{self.device}")

    @property
    def account_uuid(self) -> str:
        return account_uuid(self.name) if self.subscribed else ""

    @property
    def credential(self) -> tuple[str, str]:
        """Header and value. It opens nothing anywhere."""
        if self.subscribed:
            return "authorization", f"Bearer sk-ant-oat01-demo-{self.name}-opens-nothing"
        return "x-api-key", f"sk-ant-api03-demo-{self.name}-opens-nothing"

    @property
    def entry(self) -> str:
        return "sdk-cli" if self.scripted else "cli"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder they work in."""

    name: str
    path: str
    notes: str
    """Its CLAUDE.md."""
    status: str
    """What git says."""


MAYA = Person("maya", "atlas")
MAYA_LAPTOP = Person("maya", "finch", hints=True)
TOMAS = Person("tomas", "osprey", subscribed=True, hints=True)
INES = Person("ines", "quill")
PIPELINE = Person("ines", "pipeline", scripted=True)
JONAS = Person("jonas", "fern", version="2.0.76")

BILLING = Project(
    name="harbor-billing",
    path="/home/maya/harbor-billing",
    notes=(
        "# Harbor Billing\nPython 3.12, FastAPI, SQLAlchemy. Money is Decimal, never float.\n"
        "Run the tests with `pytest -q`. Keep functions short."
    ),
    status="Current branch: main\nStatus:\n M billing/totals.py\nRecent commits:\n4be19c2 Add credit notes",
)
LUMEN = Project(
    name="lumen-web",
    path="/Users/tomas/lumen-web",
    notes="# Lumen\nTypeScript, React, Vite. Components in src/components, one folder each. `npm test` runs vitest.",
    status="Current branch: chart-legend\nStatus: (clean)\nRecent commits:\n91d7f0a Chart: draw the legend below",
)
RELAY = Project(
    name="relay-queue",
    path="/home/ines/relay-queue",
    notes="# Relay\nA job queue in Go. `go test ./...`. No new dependencies without a word in the pull request.",
    status="Current branch: leases\nStatus:\n M internal/lease/lease.go\nRecent commits:\nc02d6e8 Renew in good time",
)
SENSORS = Project(
    name="station-sensors",
    path="/home/jonas/station-sensors",
    notes="# Station sensors\nReads weather stations over RS-485. Python on small boards: no heavy libraries.",
    status="Current branch: main\nStatus: (clean)\nRecent commits:\n77a10fe Read humidity from the new probe",
)
