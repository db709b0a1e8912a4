"""Which fixtures does every test know, how hard do properties look, and does Ctrl-C reach what tests start?"""

from hypothesis import settings

from tests.requirements import scaled
from tests.stack import hear_interrupts

pytest_plugins = (
    "tests.bar",
    "tests.postgres",
    "tests.migrated",
    "tests.checked",
    "tests.pool_runner",
    "tests.projectors",
    "tests.other_linker",
    "tests.claude_client",
    "tests.typescript_sdk",
    "tests.browser",
    "tests.axe",
    "tests.bench.tools",
)

# No deadline for an example: the machine may be busy. `--hypothesis-profile deep` looks for hours; `steady` always
# tries the same examples, so that what they cover does not change from run to run.
settings.register_profile("fast", max_examples=scaled(30, 100), deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=20_000, deadline=None, print_blob=True)
settings.register_profile("steady", max_examples=12, deadline=None, derandomize=True)
settings.load_profile("fast")


def pytest_configure() -> None:
    hear_interrupts()
