"""Which code made a result, and which command."""

import shlex
import subprocess
import sys
from pathlib import Path, PurePath

_ROOT = Path(__file__).resolve().parents[1]


def commit() -> str | None:
    """The commit this code is at, ``-dirty`` behind it if a file differs; None outside git."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head


def command() -> str:
    """The command that this process was called with, as a shell takes it.

    A result is published, and where things lie on a machine is nobody's business: of an absolute
    path only what is below the working directory is kept, and of another its last name.
    """
    return shlex.join(["anonynoise", *map(_without_place, sys.argv[1:])])


def _without_place(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if equals and not PurePath(argument).is_absolute():
        return f"{option}={_without_place(value)}"
    path, here = PurePath(argument), Path.cwd()
    if not path.is_absolute():
        return argument
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name


def _git(*arguments: str) -> str:
    ran = subprocess.run(
        ["git", "-C", str(_ROOT), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return ran.stdout.strip()
