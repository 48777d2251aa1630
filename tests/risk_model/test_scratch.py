"""What is only needed while a piece of work runs is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from risk_model.scratch import scratch


def test_gone_afterwards_and_those_of_the_dead_too(tmp_path: Path) -> None:
    dead = tmp_path / ".work-dead"
    dead.mkdir()
    (dead / "rows").write_text("much")
    with scratch(tmp_path, ".work-") as mine:
        assert not dead.exists()
        (mine / "rows").write_text("more")
        with scratch(tmp_path, ".work-") as other:
            assert (mine / "rows").exists()
            assert other != mine
        assert not other.exists()
    assert not list(tmp_path.iterdir())


def test_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), scratch(tmp_path, ".work-"):
        raise ValueError("wrong")
    assert not list(tmp_path.iterdir())
