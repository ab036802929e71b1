"""``anonynoise audit-key``."""

from pathlib import Path

import click

from models.audit import PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, key_id, new_key
from models.errors import ModelError


@click.command(epilog="Example: anonynoise audit-key keys")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Make the pair of keys that audits are signed and verified with, in FOLDER.

    audit.key signs: only the audit job may read it. audit.pub verifies: the service reads it.
    Keys that are there already are left alone.
    """
    try:
        public_key = new_key(folder)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder / PRIVATE_KEY_FILE}  signs, for the audit job alone")
    click.echo(f"{folder / PUBLIC_KEY_FILE}  verifies, for the service (id {key_id(public_key)})")
