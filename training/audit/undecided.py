"""How an audit's command ends that decides nothing: with 2 and in one line."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from training.one_line import one_line

#: Click and Python give every error 1, which stands for a leak.
EXIT = 2
_log = logging.getLogger(__name__)


class _Undecided(click.ClickException):
    exit_code = EXIT


@contextmanager
def undecided() -> Iterator[None]:
    """Whatever goes wrong inside, or stops it, ends the command with :data:`EXIT`."""
    try:
        with one_line():
            yield
    except click.ClickException as error:
        raise _Undecided(error.message) from None
    except (KeyboardInterrupt, click.Abort, SystemExit):
        # While it trains, Lightning takes Ctrl-C for itself, and exits with 1.
        raise _Undecided("stopped; the same command goes on where it stopped") from None
    except Exception as error:
        raise _Undecided(unexpected(error)) from None


def unexpected(error: Exception) -> str:
    """Log where ``error`` came up; returns a line for who waits for the result.

    Neither holds its message, which could quote what it choked on: a recording of somebody.
    """
    name = type(error).__name__
    _log.error("%s%s", "".join(traceback.format_tb(error.__traceback__)), name)
    return f"unexpected {name}; the log says where"
