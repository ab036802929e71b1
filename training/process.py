"""What a process sets up once that trains for minutes or hours."""

import ctypes
import logging
import os
import sys

# Asks for large pages where a tensor is large, of which the system clears each anew for every
# batch; that is half as quick in small ones. torch reads this when it is loaded.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MOST_BYTES = 2**31 - 1
#: The most that glibc takes. A batch to train on is less, one to evaluate is more.
_KEPT_BYTES = 32 << 20


def set_up() -> None:
    """Progress goes to standard error, and memory that was given back is used again."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("training").setLevel(logging.INFO)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let glibc keep blocks of up to 32 MiB for the next batch, which needs as many.

    It returns them to the system at once, which clears each page before it hands it out again:
    a tenth of the time of training. Larger ones it may not keep: what was freed would lie in
    pieces between small ones, 10 GB of it after minutes of an audit. Other libraries are left
    alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_BYTES)
