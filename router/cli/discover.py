"""`router discover`: writes a configuration for a server that is running."""

from __future__ import annotations

import asyncio
import fnmatch
import os
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from router.cli.common import FAILED, UNUSABLE, ended, format_option, print_json
from router.core.errors import CallFailed, ConfigError
from router.core.form import FORMAT_VERSION
from router.core.secret import Secret
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed
from router.runtime.discovered import MOST, page
from router.runtime.discovery import address, discover, forbid
from router.runtime.inspection import PATIENCE

if TYPE_CHECKING:
    from router.runtime.discovery import Discovered


@click.command(name="discover")
@click.argument("url")
@click.option("--name", help="What the endpoint is to be called; by default after the server.")
@click.option(
    "--key-env",
    metavar="VARIABLE",
    help="Ask with the key that this variable holds; the file names the variable.",
)
@click.option("--only", default="*", metavar="PATTERN", help="Only models whose ids match, such as `qwen*`.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0.1, 60),
    default=PATIENCE,
    show_default=True,
    help="Seconds that each question may take.",
)
@format_option
def command(url: str, name: str | None, key_env: str | None, only: str, seconds: float, form: str) -> None:
    """Ask the server at URL what it is and which models it has, and print a configuration that uses it.

    It tells OpenAI-compatible servers, llama.cpp, Ollama, OpenCode and Anthropic from each other. Nothing but URL is
    asked, redirects are not followed, and no prompt is sent.
    """
    key = _key(key_env)
    try:
        where = address(url)
        forbid(name or "server", where, key_env)
        found = asyncio.run(discover(name or "server", where, key, seconds))
    except ConfigError as error:
        raise ended(str(error), UNUSABLE) from error
    except CallFailed as error:
        raise ended(f"{error}", FAILED) from error
    called = name or _name(found)
    wanted = [each for each in found.models if fnmatch.fnmatchcase(each.id, only)]
    if found.models and not wanted:
        has = printable(listed(each.id for each in found.models), limit=500)
        raise ended(f"no model matches `{only}`; the server has {has}", FAILED)
    variable = key_env or (
        f"{called.upper().replace('-', '_').replace('.', '_')}_API_KEY" if found.closed else None
    )
    text = page(
        replace(found.endpoint, name=called),
        wanted[:MOST],
        quirks=found.quirks,
        variable=variable,
        more=max(0, len(wanted) - MOST),
    )
    if form == "json":
        print_json(_as_json(found, text))
    else:
        click.echo(text, nl=False)
    if found.closed:
        click.echo(
            f"router: it wants a key before it tells its models: set {variable}, and ask with --key-env {variable}",
            err=True,
        )


def _key(variable: str | None) -> Secret | None:
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        raise ended(f"the variable {variable} is not set", UNUSABLE)
    return Secret(value)


def _name(found: Discovered) -> str:
    """Return what to call an endpoint: after its server where that is known, else after its host."""
    endpoint = found.endpoint
    if endpoint.kind != "openai":
        return endpoint.kind
    host = urlsplit(endpoint.url).hostname or ""
    if found.quirks is not None:
        return found.quirks
    return "local" if endpoint.locality == "local" else (host.split(".")[-2:] or ["server"])[0] or "server"


def _as_json(found: Discovered, text: str) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "kind": found.endpoint.kind,
        "url": found.endpoint.url,
        "quirks": found.quirks,
        "locality": found.endpoint.locality,
        "wants_key": found.closed,
        "models": [{"id": each.id, "context": each.context, "state": each.state} for each in found.models],
        "yaml": text,
    }
