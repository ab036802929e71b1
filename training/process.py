"""What a process sets up once that trains for minutes or hours."""

import logging
import os
import sys

# Asks for large pages where a tensor is large: the system clears each page anew for every batch,
# which else takes a third of the time of an evaluation. torch reads this when it is loaded.
# Keeping freed memory instead (mallopt) is as fast, but what is freed lies in pieces: in minutes
# an audit had 10 GB of them.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def set_up() -> None:
    """Progress goes to standard error."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("training").setLevel(logging.INFO)
