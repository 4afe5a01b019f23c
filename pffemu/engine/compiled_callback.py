"""Helpers with which compiled hooks access flat state in a C callback; they need numba, so they are imported late."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from types import CellType, FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.cpu import CPUContext
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_jitable, register_model

from pffemu.engine import native_code


@intrinsic  # type: ignore[untyped-decorator]
def pointer(_typing: Any, _address: Any) -> Any:
    """An int64 as a pointer."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def word_at(_typing: Any, _address: Any) -> Any:
    """The signed 64-bit word at an int64 address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], ir.IntType(64).as_pointer()), typ=ir.IntType(64))

    return types.int64(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_typing: Any, _address: Any) -> Any:
    """Begin to load the host's cache line at an int64 address, whatever is there."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(types.int64), codegen


def _call(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    word = ir.IntType(64)
    function = builder.inttoptr(args[0], ir.FunctionType(word, [word] * (len(args) - 1)).as_pointer())
    return builder.call(function, args[1:])


@intrinsic  # type: ignore[untyped-decorator]
def call(_typing: Any, _address: Any, _first: Any, _second: Any) -> Any:
    """Call the C function at an int64 address with two int64 arguments."""
    return types.int64(types.int64, types.int64, types.int64), _call


@intrinsic  # type: ignore[untyped-decorator]
def call_with_four(_typing: Any, _address: Any, _first: Any, _second: Any, _third: Any, _fourth: Any) -> Any:
    """Call the C function at an int64 address with four int64 arguments."""
    return types.int64(*[types.int64] * 5), _call


class Words(types.Type):
    """Signed 64-bit words from a host address on. Unlike in an array, an index counts from there, whatever its sign:
    that costs no instructions, and lets the compiler see loops that move words."""

    def __init__(self) -> None:
        super().__init__(name="Words")


_WORDS = Words()


@register_model(Words)
class _WordsModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def words(_typing: Any, _address: Any, _count: Any) -> Any:
    """The `count` words at an int64 address; the count is for the reader."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(64).as_pointer())

    return _WORDS(types.int64, types.int64), codegen


@infer_global(operator.getitem)
class _WordType(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        if arguments[0] is _WORDS and isinstance(arguments[1], types.Integer):
            return signature(types.int64, _WORDS, types.int64)
        return None


@infer_global(operator.setitem)
class _NewWordType(AbstractTemplate):  # type: ignore[misc]
    def generic(self, arguments: Any, _keywords: Any) -> Any:
        if arguments[0] is _WORDS and isinstance(arguments[1], types.Integer):
            return signature(types.none, _WORDS, types.int64, types.int64)
        return None


@lower_builtin(operator.getitem, Words, types.Integer)  # type: ignore[untyped-decorator]
def _word(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    return builder.load(builder.gep(args[0], [args[1]]))


@lower_builtin(operator.setitem, Words, types.Integer, types.Integer)  # type: ignore[untyped-decorator]
def _set_word(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    builder.store(args[2], builder.gep(args[0], [args[1]]))
    return context.get_dummy_value()


@register_jitable  # type: ignore[untyped-decorator]
def octets(address: Any, count: Any) -> Any:
    """`count` bytes at an int64 address, as an array."""
    return numba.carray(pointer(address), (count,), np.uint8)


def compile_callback(hook: Callable[..., Any], result: str, arguments: str) -> Any:
    """`hook` as a numba cfunc. `result` and `arguments` are numba type names, as "boolean" and "int64 int32".

    numba's own cache is for hosts where native_code keeps nothing. Its files are pickles: damaged ones raise anything.
    """
    signature = getattr(types, result)(*(getattr(types, name) for name in arguments.split()))
    numbas_own = CPUContext.create_cfunc_wrapper
    CPUContext.create_cfunc_wrapper = _create_cfunc_wrapper
    try:
        if not native_code.keeps():
            with suppress(Exception):
                return numba.cfunc(signature, nopython=True, cache=True)(_with_version(hook))
        return numba.cfunc(signature, nopython=True, cache=False)(hook)
    finally:
        CPUContext.create_cfunc_wrapper = numbas_own


def _with_version(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook with a number of all that it is made from in its closure, at which numba's cache looks."""
    version = native_code.version_of(hook.__module__)
    code = hook.__code__.replace(co_freevars=("version",))
    return FunctionType(code, hook.__globals__, hook.__name__, None, (CellType(version),))


def _create_cfunc_wrapper(context: CPUContext, library: Any, fndesc: Any, _env: Any, _call_helper: Any) -> None:
    """The C function around a compiled hook, with the hook inlined.

    numba's own wrapper calls the hook, which costs more than counting a block, and prints exceptions; hooks raise none.
    """
    module = context.create_module("cfunc_wrapper")
    convention = context.call_conv
    native = ir.Function(module, convention.get_function_type(fndesc.restype, fndesc.argtypes), fndesc.llvm_func_name)
    c_type = ir.FunctionType(
        context.get_value_type(fndesc.restype), [context.get_value_type(kind) for kind in fndesc.argtypes]
    )
    function = ir.Function(module, c_type, fndesc.llvm_cfunc_wrapper_name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    _, result = convention.call_function(
        builder, native, fndesc.restype, fndesc.argtypes, function.args, attrs=("alwaysinline",)
    )
    builder.ret(result)
    library.add_ir_module(module)
