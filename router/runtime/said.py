"""What a caller said, sorted and checked; and how a call that says so would be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.core.errors import InvalidCall
from router.core.frozen import dataclass
from router.core.options import CALL_OPTIONS, PARAMS, gathered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.explain import Explanation
    from router.compile.program import Program
    from router.core.dimension import Dimension, Value


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller said, sorted and checked: dimensions, sampling options, and the rest."""

    dimensions: Mapping[str, Value]
    params: Mapping[str, object]
    options: Mapping[str, Any]


def said(program: Program, opts: Mapping[str, object] | None, keywords: Mapping[str, object]) -> Said:
    """Sort and check options.

    Raises:
        InvalidCall: A name or a value is not legal; the text names what is.
    """
    dimensions: dict[str, Value] = {}
    params: dict[str, object] = {}
    options: dict[str, Any] = {}
    for name, value in gathered(opts, keywords).items():
        if name in PARAMS:
            if (wanted := PARAMS[name](value)) is not None:
                raise _wrong(name, value, wanted)
            params[name] = [value] if name == "stop" and isinstance(value, str) else value
        elif name in CALL_OPTIONS:
            if (wanted := CALL_OPTIONS[name](value)) is not None:
                raise _wrong(name, value, wanted)
            options[name] = value
        else:
            dimensions[name] = _dimension_value(program, name, value)
    if options:
        _check(program, options)
    return Said(dimensions, params, options)


def _check(program: Program, options: Mapping[str, Any]) -> None:
    """Refuse options that ask for what the file does not have."""
    model = options.get("model")
    if model is not None and model not in program.models:
        raise InvalidCall(f"unknown model `{model}`{_hint(model, program.models)}")
    if options.get("cache", "off") != "off" and not (program.cache and program.cache.fresh):
        raise InvalidCall(
            "`cache` asks for kept answers, and the file keeps none; it would say `cache: {...}`"
        )


def _wrong(name: str, value: object, wanted: str) -> InvalidCall:
    shown = repr(value) if isinstance(value, str | int | float | bool) else f"a {type(value).__name__}"
    return InvalidCall(f"`{name}` is {shown[:80]}; it must be {wanted}")


def _dimension_value(program: Program, name: str, value: object) -> Value:
    dimension = program.dimensions.get(name)
    if dimension is None or dimension.measured:
        raise InvalidCall(_unknown_option(program, name))
    if not dimension.accepts(value):
        near = isinstance(value, str) and dimension.kind == "words"
        hint = _hint(value, dimension.values) if near else f"; legal: {dimension.legal}"
        raise InvalidCall(f"`{name}` has no value {str(value)[:80]!r}{hint}")
    return value  # type: ignore[return-value]  # `accepts` has looked


def _unknown_option(program: Program, name: str) -> str:
    if name in program.dimensions:
        return f"`{name}` is measured from the call and cannot be given"
    dimensions = [each.name for each in program.dimensions.values() if not each.measured]
    return f"unknown option `{name}`{_hint(name, [*dimensions, *PARAMS, *CALL_OPTIONS])}"


def _hint(name: object, legal: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    from router.diagnostics.suggest import listed, nearest  # noqa: PLC0415 - only a wrong call needs it

    near = nearest(str(name), legal)
    return (f"; did you mean `{near}`?" if near else "") + f" (legal: {listed(legal, 40)})"


def values(program: Program, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return a value for every dimension: what was given, else its default.

    Raises:
        InvalidCall: A dimension without default was not given.
    """
    found = {**program.defaults, **given}
    if None in found.values():
        name = next(name for name, value in found.items() if value is None)
        legal = program.dimensions[name].legal
        raise InvalidCall(f"`{name}` has no default; a call must give one of: {legal}")
    return found  # type: ignore[return-value]  # none is None


def explained_values(program: Program, given: Mapping[str, object]) -> dict[str, Value]:
    """Return a value for every dimension, where measured ones may be given as well.

    Raises:
        InvalidCall: A name or a value is not legal.
    """
    checked: dict[str, Value] = {}
    for name, value in given.items():
        dimension: Dimension | None = program.dimensions.get(name)
        if dimension is not None and dimension.measured and dimension.accepts(value):
            checked[name] = value  # type: ignore[assignment]  # `accepts` has looked
        elif dimension is not None and dimension.measured:
            raise InvalidCall(f"`{name}` has no value {str(value)[:80]!r}; legal: {dimension.legal}")
        else:
            checked[name] = _dimension_value(program, name, value)
    return values(program, checked)


def explained(program: Program, call: Mapping[str, object]) -> Explanation:
    """Return how a call would be decided, and why.

    Args:
        program: The compiled configuration.
        call: Dimensions, measured ones too, sampling options, `model`, `user`; None as a value means nothing was said.

    Raises:
        InvalidCall: A name or a value is not legal, or does not decide where a call goes.
    """
    given = {name: value for name, value in call.items() if value is not None}
    deciding = {"model", "user", *program.dimensions}
    idle = [name for name in CALL_OPTIONS if name in given and name not in deciding]
    if idle:
        raise InvalidCall(f"`{idle[0]}` does not decide where a call goes")
    others = {name: given.pop(name) for name in (*PARAMS, "model", "user") if name in given}
    told = said(program, None, others)
    from router.compile.explain import explain  # noqa: PLC0415 - calls need none of it

    found = explained_values(program, given)
    return explain(program, found, told.params, told.options.get("model"), told.options.get("user"))
