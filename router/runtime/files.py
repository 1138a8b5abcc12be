"""Model files and certificates, looked at when a configuration is loaded: their errors belong there, not to a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import ConfigError
from router.providers.registry import file_troubles

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from router.compile.program import Program
    from router.config.endpoint import EndpointSettings
    from router.config.load import Configuration


HELP = {
    "transport": "install it, or leave `transport` out: httpx is used then",
    "cert": "name a certificate and its private key, in PEM form, and the password if it has one",
}
USUAL_HELP = "name a file that is there"


def look_at_files(configuration: Configuration, program: Program, replaced: Container[str]) -> None:
    """Look at the files that endpoints name; nothing is loaded.

    Args:
        configuration: The file, for the places in it.
        program: What it compiled to.
        replaced: Endpoints that something else speaks for.

    Raises:
        ConfigError: Some cannot be used; a finding for each is inside.
    """
    found = list(_troubles(configuration, program, replaced))
    if found:
        raise _refusal(configuration, found)


def _troubles(
    configuration: Configuration, program: Program, replaced: Container[str]
) -> Iterator[tuple[str, EndpointSettings, str, str]]:
    """Yield each endpoint's name and settings, the key that names what cannot be used, and why it cannot."""
    document = configuration.document
    for name, settings in document.endpoints.items() if document is not None else ():
        if name in replaced:
            continue
        models = [
            deployment.id
            for model in program.models.values()
            for deployment in model.deployments
            if deployment.endpoint.name == name
        ]
        for key, trouble in file_troubles(program.endpoints[name], models):
            yield name, settings, key, trouble


def _refusal(
    configuration: Configuration, troubles: list[tuple[str, EndpointSettings, str, str]]
) -> ConfigError:
    from router.checks.base import Finding  # noqa: PLC0415 - hardly any load is refused
    from router.checks.missing_file import CHECK  # noqa: PLC0415
    from router.diagnostics import text  # noqa: PLC0415
    from router.diagnostics.diagnostic import count  # noqa: PLC0415

    found = [
        Finding(
            settings.span(key),
            trouble,
            label="cannot be used",
            help=HELP.get(key, USUAL_HELP),
        ).diagnostic(CHECK, f"endpoints.{name}.{key}", "error")
        for name, settings, key, trouble in troubles
    ]
    shown = text.human(found, configuration.sources)
    return ConfigError(f"{configuration.source.name}: {text.summary(count(found), 0)}", found, shown)
