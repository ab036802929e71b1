import subprocess
import sys

# In a process of its own: what the allocator was told stays so.
_PROGRAM = """
import resource
import numpy as np
from training.process import set_up

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.full(64 << 20, 1, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

set_up()
pages()
print(pages())
"""


def test_memory_that_was_given_back_is_used_again() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=60
    )
    # Of 16384 pages of 4 KiB, none has to be fetched from the system again.
    assert int(found.stdout) < 100
