"""From a seed that people can announce to the random numbers of a draw."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from supervision.sampling.probabilities import GRID_BITS

#: Names the way from seed to numbers; another way gets another name.
SCHEME = "risk-model inspection draw v1"


def seed_commitment(seed: str) -> str:
    """Return the SHA-256 of a seed, to be published before the draw.

    A short or guessable seed can be found from its commitment by trying: use a long one.
    """
    return hashlib.sha256(_checked(seed).encode()).hexdigest()


class Randomness:
    """The random numbers of one draw.

    Parameters
    ----------
    seed
        The text committed to.
    sector, month
        Of the plan: the same seed gives each plan its own numbers.
    scheme
        What the numbers are for: each use has its own.

    Notes
    -----
    ``SHA-256(scheme, sector, month, seed)``, each but the last ended by a line feed, gives eight
    little-endian words for ``numpy.random.SeedSequence``, which seeds ``PCG64``. The digest differs
    from the commitment, so publishing the commitment does not give the draw away. Only raw 64-bit words
    of the generator are used: NumPy keeps those the same in all versions, unlike the methods of
    ``Generator`` (NEP 19).
    """

    def __init__(self, seed: str, sector: str, month: str, *, scheme: str = SCHEME) -> None:
        digest = hashlib.sha256("\n".join((scheme, sector, month, _checked(seed))).encode()).digest()
        words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, len(digest), 4)]
        self._generator = np.random.PCG64(np.random.SeedSequence(words))

    def start(self) -> int:
        """Return a whole number, uniform over the grid of probabilities."""
        return int(self._generator.random_raw()) >> (64 - GRID_BITS)

    def keys(self, count: int) -> npt.NDArray[np.uint64]:
        """Return a 64-bit number for each of ``count`` units."""
        return np.asarray(self._generator.random_raw(count), dtype=np.uint64)


def _checked(seed: str) -> str:
    if not seed.strip():
        msg = "the seed is empty"
        raise InputError(msg, field="seed", fix="Give the text whose commitment was published before.")
    return seed
