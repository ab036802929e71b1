"""What several commands' options have in common."""

import os
import re

import click

from events.packet import SensorSize
from service.address import Address


def parse_address(_: click.Context, __: click.Parameter, text: str) -> Address:
    """Callback of an option ``HOST:PORT``."""
    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def unusable(what: object, error: OSError) -> click.ClickException:
    """``error`` about ``what``, an address or a file, in one line."""
    # Failed look-ups have negative numbers, and asyncio puts sentences of its own around others.
    number = error.errno or 0
    return click.ClickException(f"{what}: {os.strerror(number) if number > 0 else error.strerror}")


def parse_sensor(_: click.Context, __: click.Parameter, text: str | None) -> SensorSize | None:
    """Callback of an option ``WIDTHxHEIGHT``."""
    if text is None:
        return None
    size = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not size:
        raise click.BadParameter("is not WIDTHxHEIGHT, e.g. 640x480")
    return SensorSize(int(size[1]), int(size[2]))
