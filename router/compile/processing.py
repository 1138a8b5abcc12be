"""What is done to a model's calls and answers, lowered: its family, its processors, its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from router.compile.program import Clamp, Written
from router.config.families import FAMILIES
from router.core.processor import ProcessorUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.config.language import ModelSettings
    from router.config.processors import Processor


class Processing(TypedDict):
    """The fields of a model that this module fills in."""

    family: Mapping[str, Written]
    clamps: Mapping[str, Clamp]
    before: tuple[ProcessorUse, ...]
    after: tuple[ProcessorUse, ...]
    truncate: str


def processing(settings: ModelSettings) -> Processing:
    """Return what holds for a model: what it writes, else what its family says."""
    family = FAMILIES.get(settings.family or "")
    span = settings.span("family")
    before, after = _uses(settings.before), _uses(settings.after)
    if family is not None and not settings.has("before"):
        before = (ProcessorUse("system", {"text": family.system}, str(span)),)
    if family is not None and not settings.has("after"):
        after = tuple(ProcessorUse(name, {}, str(span)) for name in family.after)
    return {
        "family": {
            name: Written(value, span, settings.family or "")
            for name, value in (family.options if family is not None else {}).items()
        },
        "clamps": {
            name: Clamp(*bounds, settings.clamp.span(name)) for name, bounds in settings.clamp.given().items()
        },
        "before": before,
        "after": after,
        "truncate": settings.truncate,
    }


def _uses(processors: tuple[Processor, ...]) -> tuple[ProcessorUse, ...]:
    return tuple(ProcessorUse(each.name, each.options, str(each.span)) for each in processors)
