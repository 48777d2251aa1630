"""The unified social credit code (统一社会信用代码) of GB 32100-2015, and the codes before it.

Real files carry codes of four generations. Each is classified, none raises: what to do with a
code that is not valid is the reader's decision.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
MODULUS = 31
WEIGHTS = tuple(pow(3, i, MODULUS) for i in range(17))

ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

#: Enterprises of another country or register carry ``NAMESPACE:key``. A namespace is two or more letters
#: or hyphens: a credit code, which begins with a digit or has one as its second character, does not
#: become a local key when one of its characters is misread as a colon.
LOCAL_SEPARATOR = ":"
_LOCAL = r"[A-Za-z][A-Za-z\-]+:\S+"

_LOOKUP = np.full(128, -1, dtype=np.int64)
for _value, _character in enumerate(ALPHABET):
    _LOOKUP[ord(_character)] = _value


class CodeKind(StrEnum):
    """What a string in a credit-code column turned out to be."""

    VALID = "valid"
    LEGACY_REGISTRATION = "legacy_registration"
    LEGACY_ORGANISATION = "legacy_organisation"
    LOCAL = "local"
    WRONG_CHECK = "wrong_check"
    MALFORMED = "malformed"
    MISSING = "missing"

    @property
    def identifies(self) -> bool:
        """Whether records may be gathered under such a code."""
        return self in (
            CodeKind.VALID,
            CodeKind.LEGACY_REGISTRATION,
            CodeKind.LEGACY_ORGANISATION,
            CodeKind.LOCAL,
        )


def check_character(first_17: str) -> str:
    """Return the check character (position 18) of a credit code.

    Parameters
    ----------
    first_17
        The first 17 characters, of the 31-character alphabet.

    Raises
    ------
    ValueError
        If the length is not 17 or a character is not of the alphabet.

    Notes
    -----
    With values :math:`v_i` and weights :math:`w_i = 3^i \\bmod 31`, i = 0..16, the check value is
    :math:`(31 - \\sum v_i w_i \\bmod 31) \\bmod 31` (GB 32100-2015).

    Examples
    --------
    >>> check_character("91350100M000100Y4")
    '3'
    """
    if len(first_17) != 17:
        msg = f"expected 17 characters, got {len(first_17)}"
        raise ValueError(msg)
    try:
        values = [ALPHABET.index(character) for character in first_17]
    except ValueError:
        msg = f"{first_17!r} has a character that is not one of {ALPHABET}"
        raise ValueError(msg) from None
    total = sum(value * weight for value, weight in zip(values, WEIGHTS, strict=True))
    return ALPHABET[(MODULUS - total % MODULUS) % MODULUS]


def organisation_check_character(first_8: str) -> str:
    """Return the check character of an organisation code (GB 11714), positions 9-17 of the code.

    Parameters
    ----------
    first_8
        Eight characters 0-9, A-Z.

    Examples
    --------
    >>> organisation_check_character("71526726")
    'X'
    """
    total = sum(
        ORGANISATION_ALPHABET.index(character) * weight
        for character, weight in zip(first_8, ORGANISATION_WEIGHTS, strict=True)
    )
    remainder = 11 - total % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def normalise(codes: pd.Series) -> pd.Series:
    """Return codes without blanks, in capitals, full-width characters made narrow."""
    text = codes.astype("string").str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    upper = text.str.upper()
    # A namespaced key keeps its case: it is another register's identifier, not one of ours.
    return upper.mask(text.str.contains(LOCAL_SEPARATOR, regex=False, na=False), text)


def classify(codes: pd.Series) -> pd.Series:
    """Classify every string of a credit-code column.

    Parameters
    ----------
    codes
        Normalised strings, shape (n,); missing values allowed.

    Returns
    -------
    pandas.Series
        :class:`CodeKind` values as strings, same index.

    Notes
    -----
    15 digits are a business registration number (工商注册号) from before 2015, 9 characters with a
    valid GB 11714 check an organisation code. They identify an enterprise, but under another number
    than its credit code; they are accepted and reported.

    Examples
    --------
    >>> classify(pd.Series(["91350100M000100Y43", "91350100M000100Y4Z", "110108001234567"])).tolist()
    ['valid', 'malformed', 'legacy_registration']
    """
    text = codes.astype("string").fillna("")
    length = text.str.len().to_numpy(dtype=np.int64)
    kind = np.full(len(text), CodeKind.MALFORMED.value, dtype=object)
    kind[length == 0] = CodeKind.MISSING.value
    values = text.to_numpy(dtype=object)

    eighteen = np.flatnonzero((length == 18) & text.map(str.isascii).to_numpy(dtype=bool))
    if eighteen.size:
        characters = np.array([values[i] for i in eighteen], dtype="S18")
        numbers = _LOOKUP[characters.view(np.uint8).reshape(-1, 18)]
        known = (numbers >= 0).all(axis=1)
        total = numbers[:, :17] @ np.array(WEIGHTS, dtype=np.int64)
        right = (MODULUS - total % MODULUS) % MODULUS == numbers[:, 17]
        kind[eighteen[known & right]] = CodeKind.VALID.value
        kind[eighteen[known & ~right]] = CodeKind.WRONG_CHECK.value

    digits = text.str.fullmatch(r"[0-9]{15}").to_numpy(dtype=bool)
    kind[digits] = CodeKind.LEGACY_REGISTRATION.value
    nine = np.flatnonzero(text.str.fullmatch(r"[0-9A-Z]{8}-?[0-9X]").to_numpy(dtype=bool))
    for i in nine:
        bare = values[i].replace("-", "")
        if organisation_check_character(bare[:8]) == bare[8]:
            kind[i] = CodeKind.LEGACY_ORGANISATION.value
    local = text.str.fullmatch(_LOCAL).to_numpy(dtype=bool)
    kind[local] = CodeKind.LOCAL.value
    return pd.Series(kind, index=codes.index, dtype="string")


def explain(code: str) -> str:
    """Say in one sentence what is wrong with a code, or what kind it is.

    Examples
    --------
    >>> explain("91310115MA1G4L1WXK")
    "check character 'K' is wrong, expected '7'"
    """
    normal = normalise(pd.Series([code]))
    code, kind = str(normal.iloc[0]), CodeKind(classify(normal).iloc[0])
    if kind is CodeKind.WRONG_CHECK:
        return f"check character {code[-1]!r} is wrong, expected {check_character(code[:17])!r}"
    if kind is CodeKind.MALFORMED:
        return f"{len(code)} characters; a credit code has 18, of {ALPHABET}"
    return kind.value.replace("_", " ")
