"""Ends a child process that no longer shows signs of life.

A native driver can hang holding the interpreter's lock, and then no thread, timer or signal
handler of its own process runs. So it works in a child that writes a byte into a pipe now
and then, and this side, which touches no driver, counts the time between.
"""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from types import FrameType

#: Longer than any driver takes to load and open its camera.
SILENCE_S = 20.0


class ChildFailed(Exception):
    """The child crashed, or gave no sign of life and was killed; in one line."""


def supervise(command: Sequence[str], *, silence_s: float = SILENCE_S) -> int:
    """Run ``command`` with ``--heartbeat-fd N`` added; return its exit code.

    SIGINT and SIGTERM are handed on to the child as SIGTERM. Raises :class:`ChildFailed`.
    """
    beats, child_end = os.pipe()
    try:
        child = subprocess.Popen([*command, "--heartbeat-fd", str(child_end)], pass_fds=[child_end])
    finally:
        os.close(child_end)

    stopping = False

    def hand_on(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        child.terminate()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [(number, signal.signal(number, hand_on)) for number in signals]
    try:
        while select.select([beats], [], [], silence_s)[0]:
            if not os.read(beats, 64):
                code = child.wait(silence_s)
                if code < 0 and not stopping:
                    raise ChildFailed(f"crashed with signal {-code}")
                return max(0, code)
        raise ChildFailed(f"no sign of life for {silence_s:g} s")
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"did not end within {silence_s:g} s") from None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(beats)
        for number, handler in before:
            signal.signal(number, handler)


class Heart:
    """The child's end: beats while its work goes on."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def beat(self) -> None:
        """Show life. Raises BrokenPipeError when nobody supervises any more."""
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, b".")
        except BlockingIOError:
            # A full pipe is life enough.
            return
