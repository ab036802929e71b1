"""How binary data that follows a text header is told from one more line."""

import re

#: A line feed, or a byte that no line of text holds.
LINE_END_OR_BINARY = re.compile(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f]")
LINE_FEED = 0x0A
