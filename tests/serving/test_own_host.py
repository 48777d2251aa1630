"""A service that asks for no key answers its own host only, however it was started."""

from __future__ import annotations

import pytest

from serving.access.own_host import named_locally, reached_locally


@pytest.mark.parametrize(
    ("server", "local"),
    [
        (("127.0.0.1", 3000), True),
        (("127.8.0.1", 3000), True),
        (("::1", 3000), True),
        (("::ffff:127.0.0.1", 3000), True),
        (("/run/risk-model.sock", None), True),
        (None, True),
        (("192.0.2.7", 3000), False),
        (("::ffff:192.0.2.7", 3000), False),
        (("2001:db8::1", 3000), False),
        (("0.0.0.0", 3000), False),
        (("somewhere", 3000), False),
    ],
)
def test_which_addresses_are_of_this_host(server: tuple[str, int | None] | None, local: bool) -> None:
    assert reached_locally({"type": "http", "server": server}) is local


@pytest.mark.parametrize(
    ("host", "own"),
    [
        (b"localhost", True),
        (b"LOCALHOST:3000", True),
        (b"risk.localhost:3000", True),
        (b"127.0.0.1:3000", True),
        (b"[::1]:3000", True),
        (b"rebound.example", False),
        (b"localhost.example:3000", False),
        (b"127.0.0.1.example", False),
        (b"192.0.2.7:3000", False),
        (b"", False),
        (b"\xff", False),
        (b"[::1", False),
        (b"user@127.0.0.1", False),
        (b"127.0.0.1/x", False),
    ],
)
def test_which_names_are_of_this_host(host: bytes, own: bool) -> None:
    assert named_locally({"type": "http", "headers": [(b"accept", b"*/*"), (b"host", host)]}) is own


def test_two_names_must_both_be_of_this_host_and_none_is_of_no_browser() -> None:
    two = [(b"host", b"localhost"), (b"host", b"rebound.example")]
    assert not named_locally({"type": "http", "headers": two})
    assert named_locally({"type": "http", "headers": []})
