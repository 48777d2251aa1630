"""Arrow IPC streams in requests and answers: read with care, since their sender is not trusted."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response

from serving.problems import FieldError, Problem

ARROW = "application/vnd.apache.arrow.stream"

#: Kinds of messages with data in the format's flatbuffers (Message.fbs): a batch of a dictionary, a batch.
_DICTIONARY, _BATCH = 2, 3
#: Places in the tables of the format: Message.header_type and header, DictionaryBatch.data,
#: RecordBatch.compression.
_HEADER_TYPE, _HEADER, _DATA, _COMPRESSION = 1, 2, 1, 3


def read_stream(body: bytes) -> pa.Table:
    """Return the table of a stream.

    Parameters
    ----------
    body
        As it was sent.

    Raises
    ------
    Problem
        400 if it is no stream, or a compressed one: what little bytes unpack to is known too late.
    """
    try:
        if _compressed(body):
            raise _unusable("its buffers are compressed", "Write it without compression.")
        with pa.ipc.open_stream(pa.BufferReader(body)) as reader:
            table = reader.read_all()
        table.validate(full=True)
        for field in table.schema:
            _read_names(field)
    except (pa.ArrowException, OSError, ValueError, MemoryError, struct.error, OverflowError) as error:
        raise _unusable(
            str(error).partition("\n")[0][:200] or "it cannot be read",
            "Write it with pyarrow.ipc.new_stream.",
        ) from None
    return table


def _read_names(field: pa.Field) -> None:
    """Read the names of a field and of all inside it.

    They are told in refusals, and PyArrow has not looked at their text yet.
    """
    str(field), field.name
    for place in range(field.type.num_fields):
        _read_names(field.type.field(place))


def stream_of(table: pa.Table, metadata: Mapping[str, str]) -> Response:
    """Return a table as an answer.

    Parameters
    ----------
    table
        The rows.
    metadata
        What is told of all of them, in the metadata of the schema.
    """
    table = table.replace_schema_metadata(dict(metadata))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(sink.getvalue(), media_type=ARROW)


def wants_arrow(request: Request) -> bool:
    """Return whether a caller asks for Arrow."""
    return ARROW in request.headers.get("accept", "")


def _unusable(message: str, fix: str) -> Problem:
    return Problem(
        400, "invalid-arrow", "The body is no usable Arrow IPC stream.", [FieldError("", message, fix)]
    )


def _compressed(body: bytes) -> bool:
    """Return whether a batch in a stream is compressed.

    PyArrow unpacks while it reads and knows no bound; so the headers are looked at before. Whatever is wrong
    with them is for PyArrow to say.
    """
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(body))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return False
        metadata = message.metadata.to_pybytes()
        root = struct.unpack_from("<I", metadata, 0)[0]
        kind_at, header_at = _field(metadata, root, _HEADER_TYPE), _field(metadata, root, _HEADER)
        if kind_at is None or header_at is None:
            continue
        kind = metadata[kind_at]
        batch = _table(metadata, header_at)
        if kind == _DICTIONARY:
            data_at = _field(metadata, batch, _DATA)
            if data_at is None:
                continue
            batch = _table(metadata, data_at)
        elif kind != _BATCH:
            continue
        if _field(metadata, batch, _COMPRESSION) is not None:
            return True


def _table(buffer: bytes, at: int) -> int:
    """Return where a table begins that a field points to."""
    place: int = at + struct.unpack_from("<I", buffer, at)[0]
    return place


def _field(buffer: bytes, table: int, number: int) -> int | None:
    """Return where a field of a flatbuffers table lies, or None if it is not set."""
    fields = table - struct.unpack_from("<i", buffer, table)[0]
    size = struct.unpack_from("<H", buffer, fields)[0]
    entry = 4 + 2 * number
    if fields < 0 or entry + 2 > size:
        return None
    offset = struct.unpack_from("<H", buffer, fields + entry)[0]
    return table + offset if offset else None
