"""The certificate by which the service answers over HTTPS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from features.errors import InputError


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate chain and of its private key, PEM, absolute."""

    chain: Path
    key: Path


def certificate(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return a certificate that can be used; None if neither file is given.

    Raises
    ------
    InputError
        If only one file is given, one cannot be read, or they do not belong together.
    """
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise InputError(
            "a certificate and its key go together",
            field="--tls-key" if key is None else "--tls-certificate",
            fix="Give both files.",
        )
    for option, path in (("--tls-certificate", chain), ("--tls-key", key)):
        if not path.is_file():
            raise InputError(f"there is no file {path}", field=option, fix="Give a PEM file.")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(chain, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"{chain.name} and {key.name} cannot be used: {error}",
            field="--tls-certificate",
            fix="Give a PEM chain and the private key that belongs to it, without a password.",
        ) from None
    return Certificate(chain.absolute(), key.absolute())
