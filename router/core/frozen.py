"""`dataclass`, made and filled in a fraction of the time that the standard one takes; what it promises is the same.

The standard one compiles six methods a class, half a millisecond each time, and sets every field of a frozen object by
a call of its own. Here equality, hash and print are shared functions over the names of the fields, what fills an object
is compiled with the second one, and an object is filled while it belongs to a class that is not frozen. `fields`,
`replace` and `asdict` of `dataclasses` work as ever.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from reprlib import recursive_repr
from types import MethodType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - for type checkers it is the standard one
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True, **options):  # noqa: ANN001, ANN003, ANN201 - as it is there
        """Return the class as `dataclasses.dataclass` would; see there."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq, **options)
        return _made(cls, frozen, eq, options)


_put = object.__setattr__
_move = object.__dict__["__class__"].__set__


def _made(cls: type, frozen: bool, eq: bool, options: dict[str, bool]) -> type:  # noqa: FBT001
    own = set(cls.__dict__)
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # the standard one works out a signature for it
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
    fields = dataclasses.fields(cls)
    cls.__init__ = _first(cls, fields, frozen)  # type: ignore[misc]
    cls.__signature__ = _Signature(cls, fields, frozen)  # type: ignore[attr-defined]
    if "__repr__" not in own:
        cls.__repr__ = _repr([each.name for each in fields if each.repr])  # type: ignore[method-assign, assignment]
    if eq:
        _compared(cls, own, [each.name for each in fields if each.compare], frozen)
    if frozen:
        names = tuple(each.name for each in fields)
        _freeze(cls, names)
        _carried(cls, names)
    return cls


def _first(cls: type, fields: tuple[Field[object], ...], frozen: bool) -> Callable[..., None]:  # noqa: FBT001
    """Return what fills the first object by hand and the second one by what is compiled for all others.

    Of most classes a process makes one object or none.
    """
    put = _put if frozen else setattr
    fresh = True

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        nonlocal fresh
        found = _bound(fields, values, named) if fresh else None
        fresh = False
        if found is None:
            made = cls.__init__ = _init(cls, fields, frozen)  # type: ignore[misc]
            made(self, *values, **named)
            return
        for name, value in found.items():
            put(self, name, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()  # type: ignore[attr-defined]

    return __init__


def _bound(
    fields: tuple[Field[object], ...], values: tuple[object, ...], named: dict[str, object]
) -> dict[str, object] | None:
    """Return a value for each field; None where the arguments do not fit, which what is compiled tells in words."""
    usual = [each.name for each in fields if not each.kw_only]
    given = {**named, **dict(zip(usual, values, strict=False))}
    if len(given) < len(named) + len(values):
        return None
    found: dict[str, object] = {}
    for each in fields:
        if each.name in given:
            found[each.name] = given.pop(each.name)
        elif each.default is not dataclasses.MISSING:
            found[each.name] = each.default
        elif each.default_factory is not dataclasses.MISSING:
            found[each.name] = each.default_factory()
        else:
            return None
    return None if given else found


class _Signature:
    """What `inspect` is told that a class is called with, worked out when it asks."""

    def __init__(self, cls: type, fields: tuple[Field[object], ...], frozen: bool) -> None:  # noqa: FBT001
        self._of = cls, fields, frozen

    def __get__(self, _: object, owner: type) -> object:
        if owner is not self._of[0]:
            raise AttributeError("a derived class may be called otherwise")
        from inspect import signature  # noqa: PLC0415 - hardly anybody asks

        return signature(MethodType(_init(*self._of), owner))


def _init(cls: type, fields: tuple[Field[object], ...], frozen: bool) -> Callable[..., None]:  # noqa: FBT001
    """Return what fills an object: the fields' values, and `__post_init__`."""
    known: dict[str, object] = {"_later": dataclasses.MISSING, "_move": _move}
    usual, named, lines = ["self"], list[str](), list[tuple[str, str]]()
    for each in fields:
        value = given = each.name
        if each.default is not dataclasses.MISSING:
            known[f"_default_{value}"] = each.default
            given = f"{value}=_default_{value}"
        elif each.default_factory is not dataclasses.MISSING:
            known[f"_make_{value}"] = each.default_factory
            given, value = f"{value}=_later", f"_make_{value}() if {value} is _later else {value}"
        (named if each.kw_only else usual).append(given)
        lines.append((each.name, value))
    if named:
        usual += ["*", *named]
    text = [f"def __init__({', '.join(usual)}):"]
    if frozen:
        known["_cls"], known["_open"], known["_fill"] = cls, _opened(cls), _filler(fields)
        text += [" if self.__class__ is _cls:", "  _move(self, _open)"]
        text += [f"  self.{name} = {value}" for name, value in lines]
        text += ["  self.__class__ = _cls"]
        # A class derived from it may be laid out otherwise.
        text += [" else:", f"  _fill(self, ({''.join(f'{value}, ' for _, value in lines)}))"]
    else:
        text += [f" self.{name} = {value}" for name, value in lines] or [" pass"]
    if hasattr(cls, "__post_init__"):
        text.append(" self.__post_init__()")
    exec("\n".join(text), known)  # noqa: S102 - names of fields, no text from outside
    made: Callable[..., None] = known["__init__"]  # type: ignore[assignment]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = {**{each.name: each.type for each in fields}, "return": None}
    return made


def _filler(fields: tuple[Field[object], ...]) -> Callable[[object, tuple[object, ...]], None]:
    names = [each.name for each in fields]

    def fill(self: object, values: tuple[object, ...]) -> None:
        for name, value in zip(names, values, strict=True):
            _put(self, name, value)

    return fill


def _opened(cls: type) -> type:
    """Return a class of the same layout whose objects can be written: by the interpreter itself, if it has both."""
    both = {"__setattr__": _put, "__delattr__": object.__delattr__}
    return type(cls.__name__, (cls,), {"__slots__": (), "__module__": cls.__module__, **both})


def _repr(names: list[str]) -> Callable[[object], str]:
    @recursive_repr()
    def __repr__(self: object) -> str:  # noqa: N807
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({inner})"

    return __repr__


def _compared(cls: type, own: set[str], names: list[str], frozen: bool) -> None:  # noqa: FBT001
    """Make objects with the same values equal and, where they are frozen, of the same hash."""
    values = attrgetter(*names) if names else _nothing

    def __eq__(self: object, other: object) -> bool:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or values(self) == values(other)

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values(self))

    if "__eq__" not in own:
        cls.__eq__ = __eq__  # type: ignore[assignment]
    if cls.__dict__.get("__hash__") is None:
        cls.__hash__ = __hash__ if frozen else None  # type: ignore[assignment]


def _nothing(_: object) -> tuple[()]:
    return ()


def _freeze(cls: type, names: tuple[str, ...]) -> None:
    """Refuse changes."""

    def check(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"field {name!r} cannot be changed")

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807
        check(self, name)
        super(cls, self).__setattr__(name, value)  # type: ignore[arg-type]

    def __delattr__(self: object, name: str) -> None:  # noqa: N807
        check(self, name)
        super(cls, self).__delattr__(name)  # type: ignore[arg-type]

    for each in (__setattr__, __delattr__):
        setattr(cls, each.__name__, each)


def _carried(cls: type, names: tuple[str, ...]) -> None:
    """Let copies and pickles of what is frozen be filled."""

    def __getstate__(self: object) -> list[object]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: object, state: list[object]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            _put(self, name, value)

    for each in (__getstate__, __setstate__):
        setattr(cls, each.__name__, each)
