"""Which stories are played, and when does each begin?"""

from ops.demo.player import Story
from ops.demo.sessions import ines, jonas, machines, maya, tomas

STORIES = (
    Story("rollout", 0.0, ines.rollout),
    Story("rounding", 2.0, maya.rounding),
    Story("legend", 20.0, tomas.legend),
    Story("nightly", 40.0, machines.nightly),
    Story("audit", 75.0, maya.audit),
    Story("flaky", 90.0, ines.flaky),
    Story("curl", 110.0, machines.curl),
    Story("second thoughts", 125.0, maya.second_thoughts),
    Story("old client", 135.0, jonas.old_client),
    Story("bundle", 150.0, tomas.bundle),
    Story("refactoring", 165.0, ines.refactoring),
    Story("refusal", 200.0, machines.refusal),
)
MINUTES = 5
"""How long all this takes at a human pace, rounded up."""
