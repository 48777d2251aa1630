"""A hint to the processor that a place of an array will soon be read.

Tables of a large model are larger than any cache. Where the places of many look-ups are known before the
first of them is needed, the hint lets their cache misses overlap instead of following each other.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# Of LLVM's prefetch: for reading, into all levels of the cache, data.
_READ, _KEEP, _DATA = 0, 3, 1


@intrinsic
def prefetch(_context: Any, array: Any, place: Any) -> Any:
    """Fetch the line of ``array[place]`` into the cache; array of one dimension, contiguous."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        line = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [line.type, number, number, number])
        hint = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, kind, "llvm.prefetch.p0"
        )
        builder.call(hint, [line, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(array, place), generate
