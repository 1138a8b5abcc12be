"""Which values of a file are known before the variables that it names are set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config import problems
from router.config.locality import locality_of
from router.config.node import leaves

if TYPE_CHECKING:
    from router.config.endpoint import EndpointSettings
    from router.config.load import Configuration
    from router.config.record import Record
    from router.core.request import Locality
    from router.diagnostics.source import Span


class _Unset(frozenset["Span"]):
    """Where variables without default stand."""


def is_known(configuration: Configuration, record: Record, *names: str) -> bool:
    """Return whether the values of these keys are known; what is not written is."""
    if configuration.for_calls:
        return True
    unset = configuration.worked_out.get(_Unset)
    if not isinstance(unset, _Unset):
        unset = _Unset(each.span for each in configuration.variables if each.default is None)
        configuration.worked_out[_Unset] = unset
    return not unset or not any(
        leaf.span in unset
        for name in names
        if (node := record.node.entries.get(name)) is not None
        for leaf in leaves(node)
    )


def is_written(configuration: Configuration, record: Record, *names: str) -> bool:
    """Return whether all these keys are written, with values that are known."""
    return all(record.has(name) for name in names) and is_known(configuration, record, *names)


def names_are_known(configuration: Configuration) -> bool:
    """Return whether every model and endpoint is called by its name, so that none is a guess."""
    guesses = (problems.UndefinedEndpoint, problems.UndefinedModel)
    return not any(isinstance(problem, guesses) for problem in configuration.problems)


def known_locality(configuration: Configuration, endpoint: EndpointSettings) -> Locality | None:
    """Return where an endpoint is, or None while a variable decides it."""
    deciding = ("locality",) if endpoint.has("locality") else ("url", "proxy")
    return locality_of(endpoint) if is_known(configuration, endpoint, *deciding) else None
