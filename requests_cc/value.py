"""Frozen values that ``dataclasses.replace`` and its kin work on.

``@dataclass`` costs half a millisecond for each class when it is imported, and the module behind it
five: as much as all else that a short script imports of this package. A class here writes its own
``__init__``; what :mod:`dataclasses` asks of it is made when it asks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from dataclasses import Field
    from types import CodeType


_FIELDS, _PARAMS = "__dataclass_fields__", "__dataclass_params__"


class _MadeWhenRead:
    """Makes what :mod:`dataclasses` keeps on a class when it is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, value: object, kind: type[Value]) -> Any:
        from dataclasses import field, make_dataclass  # noqa: PLC0415 - it costs five milliseconds

        fields = [(name, Any, field(kw_only=True)) for name in kind.__setting_names__()]
        made = make_dataclass(kind.__name__, fields, repr=False, eq=False, frozen=True)
        for name in (_FIELDS, _PARAMS):
            setattr(kind, name, vars(made)[name])
        return vars(made)[self._name]


class Value:
    """A frozen value; two are equal if they are of one class and their settings are equal.

    A subclass has an attribute for each parameter of its ``__init__``, which sets them with
    :meth:`_set`. It writes its own ``repr``, since settings can hold secrets; and ``==`` is not
    the generated one, since pytest shows the fields of a dataclass that has that.
    """

    __slots__ = ()

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]] = _MadeWhenRead(_FIELDS)  # type: ignore[assignment] # a dict when it is read
    __dataclass_params__: ClassVar[Any] = _MadeWhenRead(_PARAMS)

    def __init_subclass__(cls) -> None:
        for name in (_FIELDS, _PARAMS):  # or it would inherit those of its base
            setattr(cls, name, _MadeWhenRead(name))

    @classmethod
    def __setting_names__(cls) -> tuple[str, ...]:
        """Return the names of the settings: the parameters of ``__init__``."""
        constructor: Any = cls.__init__
        code: CodeType = getattr(constructor, "__wrapped__", constructor).__code__
        return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse(name)

    def __delattr__(self, name: str) -> None:
        self._refuse(name)

    def _refuse(self, name: str) -> None:
        from dataclasses import FrozenInstanceError  # noqa: PLC0415 - it costs five milliseconds

        raise FrozenInstanceError(
            f"{name} of a {type(self).__name__} cannot be changed: "
            f"dataclasses.replace(value, {name}=...) gives a variation"
        )

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__setting_names__()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self._given() == other._given()

    def __hash__(self) -> int:
        return hash(tuple(self._given().values()))

    def __replace__(self, /, **changes: Any) -> Any:  # copy.replace, Python 3.13
        return type(self)(**{**self._given(), **changes})

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._given()), ()
