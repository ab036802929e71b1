from io import BytesIO
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.enrolment import sealed
from training.enrolment.sealed import HEADER_BYTES, Sealer, seal, unseal
from training.errors import TrainingError

KEY = bytes(range(32))
CHUNK = 16
WHOLE = CHUNK + 16
TEXT = bytes(range(3 * CHUNK + 5))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CHUNK_BYTES", CHUNK)


def opened(data: bytes, key: bytes = KEY, name: str = "a") -> bytes:
    return unseal(data, key, name, "file")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=3 * CHUNK), max_size=5), st.text(max_size=20))
def test_what_was_sealed_is_opened(pieces: list[bytes], name: str) -> None:
    file = BytesIO()
    sealer = Sealer(file)
    for piece in pieces:
        sealer.write(piece)
    sealer.finish(KEY, name)
    assert opened(file.getvalue(), name=name) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
def test_an_end_on_a_chunk_is_an_end(size: int) -> None:
    data = seal(bytes(size), KEY, "a")
    assert opened(data) == bytes(size)
    assert len(data) == HEADER_BYTES + size + 16 * max(1, -(-size // CHUNK))


def test_the_same_text_is_never_sealed_alike() -> None:
    one, other = seal(TEXT, KEY, "a"), seal(TEXT, KEY, "a")
    assert all(
        one[place : place + WHOLE] != other[place : place + WHOLE]
        for place in range(HEADER_BYTES, len(one), WHOLE)
    )


def test_every_flipped_bit_is_found() -> None:
    data = seal(TEXT, KEY, "a")
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(TrainingError, match=r"^file: "):
            opened(bytes(changed))


@pytest.mark.parametrize("size", [0, CHUNK, len(TEXT)])
def test_every_cut_and_every_added_byte_is_found(size: int) -> None:
    data = seal(TEXT[:size], KEY, "a")
    for stop in range(len(data)):
        with pytest.raises(TrainingError, match=r"cut off|another key"):
            opened(data[:stop])
    for tail in (b"\0", bytes(16), bytes(WHOLE), data[-WHOLE:]):
        with pytest.raises(TrainingError, match="chunk"):
            opened(data + tail)


def chunks(data: bytes) -> list[bytes]:
    return [data[place : place + WHOLE] for place in range(HEADER_BYTES, len(data), WHOLE)]


def test_chunks_in_another_order_or_missing_or_twice_are_found() -> None:
    data = seal(bytes(4 * CHUNK), KEY, "a")
    header, parts = data[:HEADER_BYTES], chunks(data)
    for first, second in combinations(range(4), 2):
        swapped = parts.copy()
        swapped[first], swapped[second] = swapped[second], swapped[first]
        with pytest.raises(TrainingError, match=f"chunk {first}: was changed"):
            opened(header + b"".join(swapped))
    for place in range(4):
        for changed in (parts[:place] + parts[place + 1 :], parts[: place + 1] + parts[place:]):
            with pytest.raises(TrainingError, match="was changed"):
                opened(header + b"".join(changed))


def test_a_chunk_or_header_of_another_file_is_found() -> None:
    one, other = seal(TEXT, KEY, "a"), seal(TEXT, KEY, "a")
    with pytest.raises(TrainingError, match="chunk 0: was changed"):
        opened(one[:HEADER_BYTES] + other[HEADER_BYTES:])
    with pytest.raises(TrainingError, match="chunk 2: was changed"):
        opened(
            one[: HEADER_BYTES + 2 * WHOLE]
            + other[HEADER_BYTES + 2 * WHOLE : HEADER_BYTES + 3 * WHOLE]
            + one[HEADER_BYTES + 3 * WHOLE :]
        )


def test_another_key_or_name_opens_nothing() -> None:
    data = seal(TEXT, KEY, "a")
    for key, name in ((bytes(32), "a"), (KEY, "b"), (KEY, "")):
        with pytest.raises(TrainingError, match=r"^file: does not open: another key"):
            opened(data, key, name)


def test_before_the_end_nobody_can_open_it() -> None:
    file = BytesIO()
    sealer = Sealer(file)
    sealer.write(bytes(10 * CHUNK))
    written = file.getvalue()
    # The chunks are there, the key to them is not.
    assert len(written) == HEADER_BYTES + 9 * WHOLE
    assert written[:HEADER_BYTES] == bytes(HEADER_BYTES)
    with pytest.raises(TrainingError, match="is no encrypted file"):
        opened(written)
