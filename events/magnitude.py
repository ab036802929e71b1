"""How much is said of a number of events where its last digit would be too much."""


def magnitude(count: int) -> int:
    """The power of ten at or below ``count``, 0 of nothing.

    How many events a window has to the last one tells people apart, as the size of what moves and
    how it moves do, and what is not covered by noise must not: readers get to know whether much
    happens, and no more.
    """
    return 10 ** (len(str(count)) - 1) if count else 0
