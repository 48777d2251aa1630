"""Credit codes, person keys and numbers of documents, for all enterprises at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.records.credit_code import (
    ALPHABET,
    MODULUS,
    ORGANISATION_ALPHABET,
    ORGANISATION_WEIGHTS,
    WEIGHTS,
)
from features.simulation.months import Ints

Bytes = npt.NDArray[np.uint8]

_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_VALUE = np.zeros(128, dtype=np.int64)
_VALUE[_LETTERS] = np.arange(len(ALPHABET))
_ORGANISATION_VALUE = np.zeros(128, dtype=np.int64)
_ORGANISATION_VALUE[np.frombuffer(ORGANISATION_ALPHABET.encode(), dtype=np.uint8)] = np.arange(36)
_ORGANISATION_CHECK = np.frombuffer(b"0123456789X", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def credit_codes(
    prefix: Ints, division: Ints, rng: np.random.Generator, taken: Ints | None = None
) -> tuple[Bytes, Ints]:
    """Return valid, distinct credit codes.

    Parameters
    ----------
    prefix
        First two characters as a number (91, 92, 93), shape (n,).
    division
        Division code of the registering authority, 99xxxx: never allotted by GB/T 2260, so that no
        real enterprise is hit.
    rng
        Source of the subject codes.
    taken
        Subject numbers that other enterprises have.

    Returns
    -------
    codes, subjects
        ASCII characters, shape (n, 18), and the subject number in each, shape (n,).

    Notes
    -----
    Position 17 is the check character of GB 11714, position 18 that of GB 32100-2015.
    """
    count = len(prefix)
    serial = np.zeros(0, dtype=np.int64)
    while len(serial) < count:
        more = rng.integers(0, MODULUS**6, size=count + 1000)
        if taken is not None:
            more = np.setdiff1d(more, taken)
        serial = np.unique(np.concatenate([serial, more]))
    serial = rng.permutation(serial)[:count]
    codes = np.zeros((count, 18), dtype=np.uint8)
    for place, divisor in enumerate((10, 1)):
        codes[:, place] = 48 + prefix // divisor % 10
    for place in range(6):
        codes[:, 2 + place] = 48 + division // 10 ** (5 - place) % 10
    codes[:, 8], codes[:, 9] = ord("M"), ord("A")
    for place in range(6):
        codes[:, 10 + place] = _LETTERS[serial // MODULUS ** (5 - place) % MODULUS]
    organisation = _ORGANISATION_VALUE[codes[:, 8:16]] @ np.array(ORGANISATION_WEIGHTS)
    codes[:, 16] = _ORGANISATION_CHECK[(11 - organisation % 11) % 11]
    total = _VALUE[codes[:, :17]] @ np.array(WEIGHTS)
    codes[:, 17] = _LETTERS[(MODULUS - total % MODULUS) % MODULUS]
    return codes, serial


def text(characters: Bytes) -> pa.Array:
    """Return rows of ASCII characters as strings."""
    width = characters.shape[1]
    flat = np.ascontiguousarray(characters).view(f"S{width}").ravel()
    return pa.array(flat, type=pa.binary()).cast(pa.string())


def person_keys(numbers: Ints, salt: int) -> pa.Array:
    """Return the pseudonyms of persons: their numbers scrambled, never a name or an identity number."""
    # Modulo 2**64 by hand: numpy warns when the product of two of its scalars wraps around.
    mixed = numbers.astype(np.uint64) + np.uint64(salt % 2**32 * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    nibbles = np.stack([(mixed >> np.uint64(4 * k)) & np.uint64(15) for k in range(16)], axis=1)
    return joined("P", text(_HEX[nibbles.astype(np.int64)]))


def joined(*parts: str | pa.Array) -> pa.Array:
    """Return the texts put together row by row."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts), "")


def numbered(prefix: str, numbers: Ints) -> pa.Array:
    """Return texts that end in a number."""
    return joined(prefix, pa.array(np.asarray(numbers, dtype=np.int64)).cast(pa.string()))
