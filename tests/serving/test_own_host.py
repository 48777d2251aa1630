"""A service that asks for no key answers its own host only, however it was started."""

from __future__ import annotations

import pytest

from serving.access.own_host import reached_locally


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
