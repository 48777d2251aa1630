"""Folders of added sectors: found, read, or refused with the file and the setting that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.errors import InputError
from features.sectors import VARIABLE, added_sectors


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    added_sectors.cache_clear()
    yield
    added_sectors.cache_clear()


def folder(place: Path, sector: str, *, without: str = "") -> Path:
    place.mkdir()
    for name, text in {
        "sector.yaml": sector,
        "features.yaml": "features: []",
        "model.yaml": "name: x",
    }.items():
        if name != without:
            (place / name).write_text(text, encoding="utf-8")
    return place


def test_none_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", " ", os.pathsep):
        monkeypatch.setenv(VARIABLE, value)
        added_sectors.cache_clear()
        assert added_sectors() == {}


def test_several_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = folder(tmp_path / "one", "name: cosmetics\nlabel: {zh: 化妆品, en: cosmetics}")
    two = folder(tmp_path / "two", "name: quality\nlabel: {zh: 工业产品, en: products}")
    monkeypatch.setenv(VARIABLE, f"{one}{os.pathsep}{two}")
    found = added_sectors()
    assert list(found) == ["cosmetics", "quality"]
    assert found["cosmetics"].zh == "化妆品"
    assert found["quality"].file("model.yaml") == two / "model.yaml"
    assert found["quality"].file("measures.yaml") is None


@pytest.mark.parametrize(
    ("sector", "message"),
    [
        ("name: Quality\nlabel: {zh: 甲, en: a}", "expected lower case with underscores"),
        ("name: food\nlabel: {zh: 甲, en: a}", "sector 'food' comes with the package"),
        ("name: quality\nlabel: products", "expected the texts zh and en"),
        ("name: quality\nlabel: {zh: 甲}", "expected the texts zh and en"),
        ("name: quality\nlabel: {zh: 甲, en: a}\ndomain: quality", "domain: there is no such setting"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sector: str, message: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(folder(tmp_path / "one", sector)))
    with pytest.raises(InputError, match=message):
        added_sectors()


def test_a_folder_that_is_incomplete_or_named_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "name: quality\nlabel: {zh: 甲, en: a}"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"RISK_MODEL_SECTORS: there is no folder"):
        added_sectors()
    monkeypatch.setenv(VARIABLE, str(folder(tmp_path / "half", good, without="model.yaml")))
    with pytest.raises(InputError, match=r"holds no model.yaml. A sector has the files"):
        added_sectors()
    one, two = folder(tmp_path / "one", good), folder(tmp_path / "two", good)
    monkeypatch.setenv(VARIABLE, f"{one}{os.pathsep}{two}")
    with pytest.raises(InputError, match="are both of sector 'quality'"):
        added_sectors()
