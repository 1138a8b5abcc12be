"""What a file says of a sampling option for calls that say nothing of it, before it is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.families import FAMILIES
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from router.config.language import Document, ModelSettings
    from router.config.settings import OptionSettings

TEMPERATURE, DEFAULT = "temperature", "default"


@dataclass(frozen=True, slots=True)
class Asked:
    """The value of an option.

    Attributes:
        value: What is sent.
        family: The family that says so, or "" where something else does.
    """

    value: float
    family: str = ""


def asked(
    document: Document, rule: OptionSettings, model: ModelSettings, name: str, task: str | None = None
) -> Asked | None:
    """Return a numeric option that a model is asked with, or None where it is left to the endpoint.

    The order is that of `router.compile.options`: rule, temperature of the task, model, `temperatures.default`,
    family; the model's `clamp` bounds what comes of it.

    Args:
        document: The file.
        rule: The options of the rule.
        model: The model.
        name: temperature, top_p, max_tokens or seed.
        task: The call's task, or None for one that has no temperature of its own.
    """
    by_task = (document.temperatures or {}) if name == TEMPERATURE else {}
    written = (
        getattr(rule, name),
        by_task.get(task) if task is not None else None,
        getattr(model.options, name),
        by_task.get(DEFAULT),
    )
    found = next((each for each in written if each is not None), None)
    if found is not None:
        return Asked(model.clamp.bounded(name, found))
    family = FAMILIES.get(model.family or "")
    usual = family.options.get(name) if family is not None else None
    if isinstance(usual, int | float):
        return Asked(model.clamp.bounded(name, usual), model.family or "")
    return None
