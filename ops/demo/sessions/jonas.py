"""What does Jonas do? He works with an old Claude Code, which says little about itself."""

from ops.demo.old_claude_code import OldClaudeCode
from ops.demo.people import JONAS, SENSORS
from ops.demo.stage import Stage
from ops.demo.story import Delegate, Thought, bash, edit, grep, plain, read, step, todos

_CODE = f"{SENSORS.path}/stations"
_FROST = "The humidity of station 7 reads 655.35 % in frost. Where does that come from?"
_LOG = """
    2026-11-18 05:40 station=7 t=-11.2 rh=655.35
    2026-11-18 05:50 station=7 t=-11.4 rh=655.35
    2026-11-18 06:00 station=7 t=-11.1 rh=71.20
"""
_PROBE = '''
    """Reads the humidity probe: two bytes, hundredths of a per cent."""

    import struct

    NOT_READY = 0xFFFF


    def humidity(answer: bytes) -> float:
        (raw,) = struct.unpack(">H", answer[3:5])
        return raw / 100
'''
_CHECK, _MEND = "Find what 0xFFFF means", "Keep it out of the readings"


async def old_client(stage: Stage) -> None:
    """No session or agent headers: what belongs together shows only in what is said."""
    claude = OldClaudeCode(stage, JONAS, SENSORS)
    await claude.begin(_FROST, "stations/probe.py\nstations/poll.py")
    await claude.asks(_FROST, *_LOOKING)
    await claude.names_files_of(
        "grep rh=655 log/station7.log", plain(_LOG), "<filepaths>\nlog/station7.log\n</filepaths>"
    )
    await stage.rest(5)
    await claude.asks("Have somebody check whether other probes have such a value.", *_CHECKING)
    await stage.rest(3)
    await claude.asks("Then mend it for all of them.", *_MENDING)


_LOOKING = (
    step(
        Thought("655.35 is 0xFFFF / 100. So the probe answers all ones, probably its word for not ready."),
        "655.35 is `0xFFFF / 100`: the probe answers with all bits set. Let me look.",
        todos((_CHECK, "in_progress"), (_MEND, "pending")),
        bash("grep rh=655 log/station7.log | tail -3", _LOG),
        read(f"{_CODE}/probe.py", _PROBE),
    ),
    step("`NOT_READY` is declared in `probe.py`, but nobody compares with it. Below -10 °C the probe warms up first."),
)
_CHECKING = (
    step(
        Delegate(
            description="Check the other probes",
            prompt="Look at all readers in stations/ and list who has a value for not ready, and who tests it.",
            steps=(
                step(grep("NOT_READY|0xFFFF", _CODE, "probe.py:5:NOT_READY = 0xFFFF\nwind.py:9:CALM = 0xFFFF")),
                step("probe.py declares NOT_READY and tests it nowhere; wind.py uses 0xFFFF for calm and tests it."),
            ),
        )
    ),
    step("Only the humidity probe is wrong; the wind sensor has the same value and handles it."),
)
_MENDING = (
    step(
        edit(f"{_CODE}/probe.py", "-> float:", "-> float | None:"),
        edit(f"{_CODE}/probe.py", "    return raw / 100", "    return None if raw == NOT_READY else raw / 100"),
        bash("python -m pytest -q", "38 passed in 0.91s", takes_s=2.0),
        todos((_CHECK, "completed"), (_MEND, "completed")),
    ),
    step("A probe that is not ready now gives no reading at all, and the chart shows a gap instead of 655 %."),
)
