"""The reference of the language, in markdown, written from the description that the decoder reads by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.compound import ByType, ListOf, MapOf, Mapped
from router.config.language import DOCUMENT, AtShape
from router.config.processors import ProcessorShape
from router.config.record import Fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.record import KeySpec
    from router.config.shapes import Shape

HEAD = """# Reference of `router.yaml`

Every block of the file, every key, what it may be and what holds without it. `${env:NAME}` and
`${env:NAME:-default}` may stand in any value but `version` and `kind`; secrets may also be `${file:PATH}`.
"""


def reference() -> str:
    """Return the whole reference; equal runs give equal text."""
    return HEAD + "".join(_block(fields, place) for fields, place in records().values())


def records() -> dict[str, tuple[Fields, str]]:
    """Return every record of the language by its name, with the first place it stands in."""
    found: dict[str, tuple[Fields, str]] = {}
    _collect(DOCUMENT, "the file", found)
    return found


def _collect(shape: Shape, place: str, found: dict[str, tuple[Fields, str]]) -> None:
    """Gather the records in a shape in the order in which a reader meets them, each with its first place."""
    if not isinstance(shape, Fields):
        for inner, suffix in _inside(shape):
            _collect(inner, f"{place}{suffix}", found)
        return
    if shape.cls.__name__ in found:
        return
    found[shape.cls.__name__] = (shape, place)
    for name, spec in shape.keys.items():
        _collect(spec.shape, name if place == "the file" else f"{place}.{name}", found)


def _inside(shape: Shape) -> Iterator[tuple[Shape, str]]:
    """Yield the shapes inside a shape, with what they add to its place."""
    match shape:
        case ListOf():
            yield shape.item, "[]"
        case MapOf():
            yield shape.value, ".*"
        case ByType():
            yield from ((each, "") for each in shape.shapes)
        case Mapped():
            yield shape.inner, ""
        case AtShape():
            yield shape.shape, ""
        case ProcessorShape():
            yield from ((each, f".{name}") for name, each in shape.inner)
        case _:
            return


def _block(fields: Fields, place: str) -> str:
    title = place if place == "the file" else f"`{place}`"
    doc = (fields.cls.__doc__ or "").strip().split("\n")[0]
    rows = "".join(_row(name, spec) for name, spec in fields.keys.items())
    rules = "".join(f"\n{rule}\n" for rule in _rules(fields))
    return f"\n## {title[0].upper()}{title[1:]}\n\n{doc}\n\n| key | what | value | default |\n|---|---|---|---|\n{rows}{rules}"


def _row(name: str, spec: KeySpec) -> str:
    notes = [spec.doc]
    if spec.kinds:
        notes.append(f"Only for {_listed(spec.kinds)}.")
    if spec.optional_for:
        notes.append(f"Not required for {_listed(spec.optional_for)}.")
    if spec.later:
        notes.append("*Not supported yet.*")
    later: tuple[str, ...] = getattr(spec.shape, "later", ())
    if later:
        notes.append(f"*Not supported yet: {', '.join(later)}.*")
    default = "**required**" if spec.required else spec.written or "none"
    return "| " + " | ".join(map(_cell, (f"`{name}`", " ".join(notes), spec.shape.wants, default))) + " |\n"


def _rules(fields: Fields) -> Iterator[str]:
    for one, other in fields.cls.EXCLUSIVE:
        yield f"`{one}` and `{other}` exclude each other."
    if fields.cls.ONE_OF:
        yield f"One of {_listed(fields.cls.ONE_OF)} must be there."
    for name, needed in fields.cls.NEEDS:
        yield f"`{name}` needs `{needed}`."


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
