"""How a command of training ends when something is wrong: in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from models.errors import ModelError


@contextmanager
def one_line() -> Iterator[None]:
    """What goes wrong inside, a package that is not installed too, ends the command."""
    try:
        yield
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        raise click.ClickException(
            f"needs {error.name}: pip install 'anonynoise-edge[train]'"
        ) from None
