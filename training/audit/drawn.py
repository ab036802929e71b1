"""Pictures that attacks leave in their details, and which of them may be shown of whom.

An attack leaves objects whose values are PNG files in base64, e.g. a list of them under
``pictures``; names say what each is. Those of what is published, and of what was made of it, have
``covered`` or ``published`` in their name; the others may show the person who was recorded.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator

from pydantic import JsonValue

_PNG = b"\x89PNG\r\n\x1a\n"
_PUBLIC = ("covered", "published")


def is_png(value: JsonValue) -> bool:
    """Whether ``value`` is a PNG file in base64."""
    if not isinstance(value, str):
        return False
    try:
        return base64.b64decode(value, validate=True).startswith(_PNG)
    except (binascii.Error, ValueError):
        return False


def drawings(details: JsonValue) -> Iterator[dict[str, str]]:
    """The pictures of every object in ``details`` that holds any, however deep it lies."""
    inside: Iterable[JsonValue] = ()
    if isinstance(details, dict):
        inside = details.values()
        found = {
            name: value
            for name, value in details.items()
            if isinstance(value, str) and is_png(value)
        }
        if found:
            yield found
    elif isinstance(details, list):
        inside = details
    for one in inside:
        yield from drawings(one)


def is_public(name: str) -> bool:
    """Whether a picture of this name shows no more than what is published anyway."""
    return any(word in name for word in _PUBLIC)
