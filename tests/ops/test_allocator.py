"""What large blocks took is the system's again when they are freed."""

import subprocess
import sys

import pytest

LARGE_BLOCKS = """
import sys
from ops.allocator import LARGE_BYTES, give_back_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "told":
    give_back_large_blocks()
before = resident()
for _ in range(20):
    blocks = [bytearray(b"x" * (30 << 20)), bytes(20 << 20)]
    small = [bytes(3000) for _ in range(1000)]
    del blocks
print(resident() - before)
"""


def kept(how: str) -> int:
    ran = subprocess.run([sys.executable, "-c", LARGE_BLOCKS, how], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_large_blocks_go_back() -> None:
    assert kept("told") < 16 << 20 < kept("not told")
