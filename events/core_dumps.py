"""Whoever holds raw events or keys in memory keeps them there."""

import contextlib
import ctypes
import resource

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """A crash must not write raw events to disk; other processes may not read our memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):
        # A limit of 0 does not hold for a core that the kernel pipes to a program; this does.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
