"""SIGINT and SIGTERM as a graceful end of a command's work."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def until_stopped(work: Coroutine[None, None, T]) -> T | None:
    """Run ``work`` to its end, or cancel it at the first signal; then the result is None.

    What ``work`` has to clean up it does on :class:`asyncio.CancelledError`.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        # Once: a second signal must not interrupt the cleaning up after the first.
        if not stopped:
            stopped = True
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        return None
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
