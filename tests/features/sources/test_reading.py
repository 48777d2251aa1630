"""Files as chunks: lines, blanks, broken rows, encodings, formats."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.sources import reading
from features.sources.reading import Chunk, chunks, column_names
from features.sources.settings import FileMapping


def _read(path: Path, **settings: object) -> list[Chunk]:
    return list(chunks(path, FileMapping.model_validate({"match": "*", "records": [], **settings})))


def _rows(parts: list[Chunk]) -> list[tuple[int, dict[str, object]]]:
    return [
        (line, row)
        for part in parts
        for line, row in zip(part.lines.to_pylist(), part.rows.to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("block", [32 << 20, 64])
def test_lines_of_rows_with_breaks_blank_lines_and_broken_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(reading, "BLOCK", block)
    path = tmp_path / "a.csv"
    path.write_text(
        'id,text\n1,a\n\n2,"two\nlines"\n3\n4,d\n5,e,f\n6," trimmed "\n"7","a\r\nb\nc"\n'
        '8,\n,\n9,"with a\nbreak",x\n10,z\nq\n',
        encoding="utf-8",
        newline="",
    )
    parts = _read(path)
    assert _rows(parts) == [
        (2, {"id": "1", "text": "a"}),
        (4, {"id": "2", "text": "two\nlines"}),
        (7, {"id": "4", "text": "d"}),
        (9, {"id": "6", "text": "trimmed"}),
        (10, {"id": "7", "text": "a\r\nb\nc"}),
        (13, {"id": "8", "text": None}),
        (17, {"id": "10", "text": "z"}),
    ]
    broken = sorted(row for part in parts for row in [(u.line, u.text) for u in part.unreadable])
    assert broken == [(6, "3"), (8, "5,e,f"), (15, '9,"with a\nbreak",x'), (18, "q")]
    if block == 64:
        assert len(parts) > 2


def test_text_of_a_broken_row_is_withheld_where_columns_are_hidden(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,inspector\n1,blue,red\n", encoding="utf-8")
    for hidden in ({"omit": ["inspector"]}, {"conceal": ["inspector"]}):
        (row,) = [row for part in _read(path, **hidden) for row in part.unreadable]
        assert row.text is None
        assert row.detail == "3 fields where the file has 2 columns"


def test_blanks_and_omitted_and_optional_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,x,y\n1, 无 ,b\n2,-,c\n", encoding="utf-8")
    (part,) = _read(path, blank=["无", "-"], omit=["y"], optional=["z"])
    assert part.rows.to_pylist() == [{"id": "1", "x": None, "z": None}, {"id": "2", "x": None, "z": None}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("名称,值\n甲公司,１\n".encode(encoding))
    given = "utf-8" if encoding == "utf-8-sig" else encoding
    assert _rows(_read(path, encoding=given)) == [(2, {"名称": "甲公司", "值": "１"})]


def test_a_wrong_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,名称\n1,甲公司\n".encode("gb18030"))
    with pytest.raises(InputError, match="encoding"):
        _read(path)
    with pytest.raises(InputError, match="encoding"):
        column_names(path)


def test_other_formats_and_delimiters(tmp_path: Path) -> None:
    wanted = [{"id": "1", "n": "甲"}, {"id": "2", "n": None}]
    (tmp_path / "a.tsv").write_text("id\tn\n1\t甲\n2\t\n", encoding="utf-8")
    assert [row for _, row in _rows(_read(tmp_path / "a.tsv", delimiter="\t"))] == wanted
    with gzip.open(tmp_path / "a.csv.gz", "wt", encoding="utf-8") as file:
        file.write("id,n\n1,甲\n2,\n")
    assert [row for _, row in _rows(_read(tmp_path / "a.csv.gz"))] == wanted
    pq.write_table(
        pa.table({"id": ["1", "2"], "n": pa.array(["甲", " "]).dictionary_encode()}), tmp_path / "a.parquet"
    )
    assert _rows(_read(tmp_path / "a.parquet")) == [(1, wanted[0]), (2, wanted[1])]
    lines = [json.dumps({"id": 1, "n": "甲"}), "", "{broken", json.dumps({"id": 2, "n": None}), "[1]"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (part,) = _read(tmp_path / "a.jsonl")
    assert _rows([part]) == [(1, wanted[0]), (4, wanted[1])]
    assert [(row.line, row.text) for row in part.unreadable] == [(3, "{broken"), (5, "[1]")]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "has no columns"),
        ("a.csv", b"a,b,a\n", "has the column 'a' twice"),
        ("a.xlsx", b"PK", "no file that is read"),
        ("a.parquet", b"PAR1", "cannot be read"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.jsonl", b"{", "cannot be read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        column_names(tmp_path / name)


def test_a_file_that_ends_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id,n\n" + b"1,2\n" * 5000)[:-20])
    with pytest.raises(InputError, match="cannot be read"):
        _read(path)
