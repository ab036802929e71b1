import re
import subprocess
import sys
from pathlib import Path

import pytest

_LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

# In processes of their own: torch asks once, and what the allocator was told stays so.
_PAGES = """
import resource
import numpy as np
from training.process import set_up

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.full(16 << 20, 1, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

set_up()
pages()
print(pages())
"""
_LARGE = """
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
    said = _said(_LARGE)
    found = re.search(r"^AnonHugePages:\s+(\d+) kB", said, re.MULTILINE)
    # All but what lies before the first boundary and behind the last; without, there is none.
    assert found and int(found[1]) >= 32 << 10


def test_memory_that_was_given_back_is_used_again() -> None:
    # Of 4096 pages of 4 KiB, none has to be fetched from the system again.
    assert int(_said(_PAGES)) < 100


def _said(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout
