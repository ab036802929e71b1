"""Uniform 32-bit words to standard normals: pure mathematics, vectorised by the compiler.

NumPy's own functions take a third longer and take the interpreter's lock again for each of a
dozen passes, which a busy event loop makes a window wait for; here it is taken once.
"""

import numpy as np
from numba import njit

_f = np.float32

# Minimax polynomials of Moshier's Cephes library (logf, sinf, cosf): single precision.
_LOG = tuple(
    _f(c)
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = _LOG
_S0, _S1, _S2 = _f(-1.9515295891e-4), _f(8.3321608736e-3), _f(-1.6666654611e-1)
_C0, _C1, _C2 = _f(2.443315711809948e-5), _f(-1.388731625493765e-3), _f(4.166664568298827e-2)

_LN_2 = _f(np.log(2))
_WORD_BITS = _f(32)
_RADIANS = _f(2 * np.pi / 2**32)
_HALF, _ONE, _MINUS_TWO = _f(0.5), _f(1), _f(-2)

_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_MANTISSA_BITS = np.int32(23)
_MANTISSA = np.int32(0x7FFFFF)
_EIGHTH_TURN = np.int32(1 << 29)
_QUARTER_TURN_BITS = np.int32(30)


@njit(cache=True, nogil=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
def box_muller(words, angles, radius, first, second):  # type: ignore[no-untyped-def]
    """Independent standard normals ``first`` [n] and ``second`` [n or n - 1], float32.

    ``words`` uint32 [n] and ``angles`` int32 [n] are uniform; ``radius`` float32 [n] is
    scratch. With ``u = (words + 1/2) / 2**32``, which is never 0, and ``angles`` in turns of
    2**32: ``sqrt(-2 ln u)`` times cosine and sine (Box and Muller, 1958). Largest value
    ``sqrt(66 ln 2)``, 6.76. Error below 1e-6, except that float32 has few numbers ``u`` just
    under 1, which moves radii near 0 by up to 3e-4.
    """
    pairs = len(words)
    bits = radius.view(np.int32)
    for i in range(pairs):
        radius[i] = _f(words[i]) + _HALF
    for i in range(pairs):
        # radius = 2**exponent * m with m in [sqrt(1/2), sqrt(2)); ``first`` keeps the exponent.
        shifted = bits[i] - _SQRT_HALF_BITS
        first[i] = _f(shifted >> _MANTISSA_BITS)
        bits[i] = (shifted & _MANTISSA) + _SQRT_HALF_BITS
    for i in range(pairs):
        x = radius[i] - _ONE
        z = x * x
        y = ((((_L0 * x + _L1) * x + _L2) * x + _L3) * x + _L4) * x + _L5
        y = ((y * x + _L6) * x + _L7) * x + _L8
        log = (y * x * z - _HALF * z + x) + (first[i] - _WORD_BITS) * _LN_2
        radius[i] = np.sqrt(_MINUS_TWO * log)
    for i in range(pairs):
        # The nearest quarter turn, and what is left of the angle: at most an eighth.
        quarter = (angles[i] + _EIGHTH_TURN) >> _QUARTER_TURN_BITS
        x = _f(np.int32(angles[i] - np.int32(quarter << _QUARTER_TURN_BITS))) * _RADIANS
        z = x * x
        sine = ((_S0 * z + _S1) * z + _S2) * z * x + x
        cosine = ((_C0 * z + _C1) * z + _C2) * z * z - _HALF * z + _ONE
        odd = (quarter & 1) != 0
        s = cosine if odd else sine
        c = sine if odd else cosine
        first[i] = radius[i] * (-c if ((quarter + 1) & 2) != 0 else c)
        if i < len(second):
            second[i] = radius[i] * (-s if (quarter & 2) != 0 else s)
