"""Ask for memory before it is needed: LLVM's prefetch, which Numba does not offer by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["prefetch"]

_READ, _MODERATE, _DATA = 0, 2, 1
"""LLVM's codes: to read, into the second-level cache, data and not instructions."""


@intrinsic
def prefetch(typingctx: Any, array: Any, place: Any) -> tuple[Any, Callable[..., Any]]:  # noqa: ARG001 - Numba's way
    """Start to fetch the cache line of ``array[place]`` of a 1-D array; a place outside is no fault, but of no use.

    The pixels of a block lie in one short run per date, too short for the processor to foresee the next block's.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        builder.call(function, [address, *(number(code) for code in (_READ, _MODERATE, _DATA))])
        return context.get_dummy_value()

    return types.void(array, place), generate
