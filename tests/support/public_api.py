"""The public API as text: every public name with its signature, one a line.

``python -m tests.support.public_api`` writes it to ``tests/ground/public_api.txt``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TypeVar

import requests_cc

SNAPSHOT = Path(__file__).parents[1] / "ground" / "public_api.txt"
COMMAND = "python -m tests.support.public_api"

#: ``requests_cc`` has ``__all__``; of the others every name without an underscore is public.
_MODULES = (
    "requests_cc",
    "requests_cc.errors",
    "requests_cc.events",
    "requests_cc.protocols",
    "requests_cc.providers",
    "requests_cc.sources",
    "requests_cc.testing",
)
_LITERALS = (type(None), bool, int, float, str, bytes, tuple)


def public_api() -> str:
    """Return the public API, one name a line."""
    lines = [line for name in _MODULES for line in _module(name)]
    return "\n".join([*lines, *_fixtures(), ""])


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f"# {name}"
    for public in sorted(getattr(module, "__all__", None) or _defined_in(module)):
        value = getattr(module, public)
        repeated = name != "requests_cc" and public in requests_cc.__all__
        if not isinstance(value, TypeVar):
            yield from [public] if repeated else _name(public, value)


def _defined_in(module: types.ModuleType) -> list[str]:
    """Return the public names that a module's own code binds, without its imports."""
    assert module.__file__ is not None
    names: list[str] = []
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return [name for name in names if not name.startswith("_")]


def _name(name: str, value: object) -> Iterator[str]:
    if inspect.isclass(value):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield f"{name}{_signature(value)}"
    else:
        yield f"{name} = {value!r}" if isinstance(value, _LITERALS) else name


def _class(name: str, cls: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base is not object)
    yield f"{name}({bases})" if bases else name
    if {"__init__", "_fields"} & set(vars(cls)) and not getattr(cls, "_is_protocol", False):
        yield f"{name}{_signature(cls)}"
    for member in sorted(_members(cls)):
        value = inspect.getattr_static(cls, member, None)
        unwrapped = getattr(value, "__func__", value)
        if isinstance(value, (property, types.MemberDescriptorType)) or not callable(unwrapped):
            shown = isinstance(value, bool) or (member == "method" and isinstance(value, str))
            constant = f" = {value!r}" if shown else ""
            yield f"{name}.{member}{_type_of(cls, member, value)}{constant}"
        else:
            kind = "@" if isinstance(value, (classmethod, staticmethod)) else ""
            yield f"{kind}{name}.{member}{_signature(unwrapped)}"


def _ours(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base.__module__.startswith("requests_cc")]


def _members(cls: type) -> set[str]:
    """Return the public members that this package defines, inherited ones included."""
    names = {name for base in _ours(cls) for name in (*vars(base), *inspect.get_annotations(base))}
    if issubclass(cls, Exception):
        names |= {*vars(cls("message"))} - {"request", "response"}  # set in __init__ alone
    return {name for name in names if not name.startswith("_")}


def _type_of(cls: type, member: str, value: object) -> str:
    if isinstance(value, property):
        returns = inspect.signature(value.fget).return_annotation  # type: ignore[arg-type]
        return f": {_text(returns)}"
    for base in _ours(cls):
        if member in (annotations := inspect.get_annotations(base)):
            return f": {_text(annotations[member])}"
    return ""


def _signature(value: object) -> str:
    """Return the signature; defaults that are no literals are shown as ``...``."""
    signature = inspect.signature(value)  # type: ignore[arg-type]
    parameters = [
        parameter.replace(
            default=_default(parameter.default), annotation=_bare(parameter.annotation)
        )
        for parameter in signature.parameters.values()
        if not parameter.name.startswith("_")
    ]
    returns = _bare(signature.return_annotation)
    return str(signature.replace(parameters=parameters, return_annotation=returns))


def _default(value: object) -> object:
    value = value.value if isinstance(value, Enum) else value
    known = value is inspect.Parameter.empty or isinstance(value, _LITERALS)
    return value if known or repr(value) == "None" else _Bare("...")


def _bare(annotation: object) -> object:
    if annotation is inspect.Signature.empty:
        return annotation
    return _Bare(_text(annotation))


def _text(annotation: object) -> str:
    annotation = getattr(annotation, "__forward_arg__", annotation)  # of a NamedTuple
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


class _Bare:
    """Text that a signature shows without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _fixtures() -> Iterator[str]:
    module = importlib.import_module("requests_cc.pytest_plugin")
    assert module.__file__ is not None
    yield "# pytest fixtures"
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            decorators = ", ".join(ast.unparse(decorator) for decorator in node.decorator_list)
            if "fixture" in decorators and node.returns is not None:
                yield f"@{decorators} {node.name} -> {ast.unparse(node.returns)}"


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api(), encoding="utf-8")
