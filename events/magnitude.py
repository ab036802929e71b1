"""How much is said of a number of events where its digits would be too much."""


def magnitude(count: int) -> int:
    """The power of a thousand at or below ``count``, 0 of nothing.

    How many events a window has tells people apart, as the size of what moves and how it moves do,
    and what is not covered by noise must not: readers get to know whether something happens, and no
    more. A power of ten would be too much already: among twenty simulated people who gesture, those
    of 32 windows in a row gave away 12 % of them.
    """
    return 1000 ** ((len(str(count)) - 1) // 3) if count else 0
