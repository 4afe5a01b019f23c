"""The declared types of attributes, of which only some are there at run time: the others stand in the sources.

An attribute has the type of its annotation, in the class or where a method sets it; without one, that of the first
value that a method gives it, if that is plain: a constant, a new object, a parameter. That is what mypy takes it for.
"""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any, Final

from kernel_model.task.task import Process
from pffemu.machine.image import Image

UNKNOWN: Final = typing.Any
_OF_FLOORS_ABOVE: Final = {(Process, "image"): (typing.Union, (Image, None))}
_NOT_OURS: Final = ("builtins", "typing", "enum", "abc", "collections")
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_NUMBERS_OF: Final = (min, max, sum, len)  # in the model, always of integers
_DISPLAYS: Final[dict[type[Any], Any]] = {
    ast.List: list, ast.ListComp: list, ast.Dict: dict, ast.DictComp: dict, ast.Set: set, ast.SetComp: set,
    ast.Tuple: tuple,
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A type as a module's source has it."""

    expression: ast.expr
    module: str


@cache
def declared(kind: type[Any], name: str) -> Any:
    """The type of attribute `name` of the class's objects, as `resolved` gives it; UNKNOWN if nothing says it."""
    if (kind, name) in _OF_FLOORS_ABOVE:
        return _OF_FLOORS_ABOVE[kind, name]
    for base in kind.__mro__:
        if base.__module__ in _NOT_OURS:
            continue
        found = _inferred(base.__module__, base.__qualname__)
        if name in found:
            return found[name]
    return UNKNOWN


@cache
def _tree(module: str) -> ast.Module:
    package, _, rest = module.partition(".")
    path = files(package)
    for part in rest.split("."):
        path = path / part
    source = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")  # type: ignore[attr-defined]
    return ast.parse(source.read_text(encoding="utf-8"))


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    """Names that the module imports, for checkers only, too: where they come from."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }


@cache
def _annotated(module: str, name: str) -> dict[str, Any]:
    """Types of the attributes that the class's source has with an annotation, or sets to a parameter that has one."""
    types: dict[str, Any] = {}
    for node in _body(module, name):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            types[node.target.id] = resolved(node.annotation, module)
    for parameters, attribute, annotation, value in _assignments(module, name):
        if annotation is None and isinstance(value, ast.Name):
            annotation = parameters.get(value.id)
        if annotation is not None:
            types.setdefault(attribute, resolved(annotation, module))
    return types


@cache
def _inferred(module: str, name: str) -> dict[str, Any]:
    """The same, and types of attributes that are set to a plain value."""
    types = dict(_annotated(module, name))
    for node in _body(module, name):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            types.setdefault(node.targets[0].id, _of_value(node.value, {}, module))
    for parameters, attribute, _, value in _assignments(module, name):
        if types.get(attribute, UNKNOWN) is UNKNOWN:
            types[attribute] = _of_value(value, parameters, module)
    return types


def _body(module: str, name: str) -> list[ast.stmt]:
    body = _tree(module).body
    return next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name), [])


def _assignments(module: str, name: str) -> Iterator[tuple[dict[str, ast.expr], str, ast.expr | None, ast.expr | None]]:
    """(annotations of parameters, attribute, annotation, value), those of __init__ first."""
    methods = [node for node in _body(module, name) if isinstance(node, _FUNCTIONS)]
    for method in sorted(methods, key=lambda each: each.name != "__init__"):
        given = (*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs)
        parameters = {each.arg: each.annotation for each in given if each.annotation is not None}
        for attribute, annotation, value in _assigned(method):
            yield parameters | {"self": ast.Name(name)}, attribute, annotation, value


def _assigned(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """(attribute, annotation, value) of each `self.attribute = value`; those with an annotation first."""
    found: list[tuple[str, ast.expr | None, ast.expr | None]] = []
    for node in ast.walk(method):
        if isinstance(node, ast.AnnAssign):
            found += [(name, node.annotation, node.value) for name in _own(node.target)]
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                pairs: list[tuple[ast.expr, ast.expr]] = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=False))
                found += [(name, None, value) for each, value in pairs for name in _own(each)]
    return iter(sorted(found, key=lambda each: each[1] is None))


def _own(target: ast.expr) -> list[str]:
    own = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
    return [target.attr] if own and isinstance(target, ast.Attribute) else []


def _of_value(value: ast.expr | None, parameters: dict[str, ast.expr], module: str) -> Any:
    """The type of a plain expression."""
    if isinstance(value, ast.Constant):
        return UNKNOWN if value.value is None else type(value.value)
    if isinstance(value, ast.Name):
        if value.id in parameters:
            return resolved(parameters[value.id], module)
        constant = getattr(import_module(module), value.id, None)
        return type(constant) if isinstance(constant, int | bytes | str) else UNKNOWN
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        found = _named(value.func.id, module)
        if found in _NUMBERS_OF:
            return int
        return found if isinstance(found, type) else UNKNOWN
    if isinstance(value, ast.UnaryOp):
        return _of_value(value.operand, parameters, module)
    if isinstance(value, ast.BinOp):
        sides = _all(value.left, value.right, parameters=parameters, module=module)
        return next((kind for kind in (list, bytes, str, int) if kind in sides), UNKNOWN)
    if isinstance(value, ast.IfExp):
        return _either(_all(value.body, value.orelse, parameters=parameters, module=module))
    if isinstance(value, ast.Attribute):
        owner = _of_value(value.value, parameters, module)
        kinds = owner.__mro__ if isinstance(owner, type) else ()
        found = (_annotated(each.__module__, each.__qualname__) for each in kinds if each.__module__ not in _NOT_OURS)
        return next((each[value.attr] for each in found if value.attr in each), UNKNOWN)
    if isinstance(value, ast.Subscript):
        owner = _of_value(value.value, parameters, module)
        return owner[1][0] if isinstance(owner, tuple) and owner[0] in (list, Sequence) else UNKNOWN
    return _DISPLAYS.get(type(value), UNKNOWN)


def _all(*values: ast.expr, parameters: dict[str, ast.expr], module: str) -> list[Any]:
    return [_of_value(each, parameters, module) for each in values]


def _either(kinds: list[Any]) -> Any:
    return UNKNOWN if UNKNOWN in kinds else (typing.Union, tuple(kinds))


def resolved(expression: ast.expr, module: str) -> Any:
    """The type that an annotation means: a class, a `typing` construct, or (origin, arguments) for X[Y, Z]."""
    if isinstance(expression, ast.Constant):
        if isinstance(expression.value, str):
            return resolved(ast.parse(expression.value, mode="eval").body, module)
        return expression.value  # None, Ellipsis
    if isinstance(expression, ast.Name):
        return _named(expression.id, module)
    if isinstance(expression, ast.Attribute):
        outer = resolved(expression.value, module)
        return getattr(outer, expression.attr, UNKNOWN)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.BitOr):
        return (typing.Union, (resolved(expression.left, module), resolved(expression.right, module)))
    if isinstance(expression, ast.Subscript):
        inner = expression.slice.elts if isinstance(expression.slice, ast.Tuple) else [expression.slice]
        return (resolved(expression.value, module), tuple(resolved(each, module) for each in inner))
    return UNKNOWN


def _named(name: str, module: str) -> Any:
    loaded = import_module(module)
    if hasattr(loaded, name):
        return getattr(loaded, name)
    if name in _imports(module):
        origin, own = _imports(module)[name]
        return getattr(import_module(origin), own, UNKNOWN)
    return getattr(builtins, name, UNKNOWN)
