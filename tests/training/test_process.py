import re
import subprocess
import sys
from pathlib import Path

import pytest

_LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# In a process of its own: torch asks once.
_PROGRAM = """
import training.audit.command
import torch

held = torch.ones(64 << 20, dtype=torch.uint8)
print(open("/proc/self/smaps_rollup").read())
"""


@pytest.mark.skipif(
    not _LARGE_PAGES.exists() or "[never]" in _LARGE_PAGES.read_text(),
    reason="this system has no transparent large pages",
)
def test_large_tensors_of_a_training_command_lie_in_large_pages() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    found = re.search(r"^AnonHugePages:\s+(\d+) kB", said, re.MULTILINE)
    # All but what lies before the first boundary and behind the last; without, there is none.
    assert found and int(found[1]) >= 32 << 10
