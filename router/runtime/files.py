"""Model files and certificates, looked at when a configuration is loaded: their errors belong there, not to a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Finding
from router.checks.missing_file import CHECK
from router.core.errors import ConfigError
from router.diagnostics import text
from router.diagnostics.diagnostic import count
from router.providers.registry import file_troubles

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from router.compile.program import Program
    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Diagnostic


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
    found = list(_findings(configuration, program, replaced))
    if found:
        shown = text.human(found, configuration.sources)
        raise ConfigError(f"{configuration.source.name}: {text.summary(count(found), 0)}", found, shown)


def _findings(
    configuration: Configuration, program: Program, replaced: Container[str]
) -> Iterator[Diagnostic]:
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
            finding = Finding(
                settings.span(key),
                trouble,
                label="cannot be used",
                help=HELP.get(key, USUAL_HELP),
            )
            yield finding.diagnostic(CHECK, f"endpoints.{name}.{key}", "error")
