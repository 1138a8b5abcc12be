"""From a path, or a text, to a router."""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from router.compile.collector import collector_paused
from router.core.frozen import dataclass
from router.runtime.router import Router

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from router.compile.program import Program
    from router.config.load import Configuration
    from router.core.clock import Clock
    from router.core.observer import Observer
    from router.core.port import Provider
    from router.diagnostics.diagnostic import Diagnostic
    from router.policy.calllog import LogPolicy


@collector_paused()
def load_router(  # noqa: PLR0913 - each is a keyword with a default
    path: str | os.PathLike[str],
    *,
    env: Mapping[str, str] | None = None,
    http: httpx.AsyncClient | None = None,
    providers: Mapping[str, Provider] | None = None,
    clock: Clock | None = None,
    dice: random.Random | None = None,
    observers: Sequence[Observer] = (),
    watch: bool = False,
) -> Router:
    """Compile a file and return a router at once; nothing is opened before the first call.

    Args:
        path: The `router.yaml`.
        env: Variables for `${env:NAME}`; the process's own by default.
        http: A client to send requests with, used as it is and never closed.
        providers: Providers to use instead of the file's, by endpoint: doubles in tests.
        clock: Where time comes from; the running event loop by default.
        dice: Where chance comes from.
        observers: Are told of every call and attempt.
        watch: Whether a change of the file takes effect while the router runs (inside `async with`).

    Raises:
        ConfigError: The file cannot be read or has errors, or a model file or a file of certificates that it
            names cannot be used; `findings` holds all of them.
    """
    from router.config.load import load_file  # noqa: PLC0415 - `import router` stays fast

    made_of = [Path(path)]

    def read() -> Configuration:
        configuration = load_file(Path(path), os.environ if env is None else env)
        made_of[1:] = [Path(name) for name in configuration.sources if Path(name) != Path(path)]
        document = configuration.document
        if document is not None and document.costs is not None and document.costs.prices is not None:
            made_of.append(configuration.folder / document.costs.prices)
        if document is not None and document.speeds is not None:
            made_of.append(configuration.folder / document.speeds)
        return configuration

    world = World(os.environ if env is None else env, http, providers or {}, clock, dice, tuple(observers))
    return _router(read, world, lambda: made_of if watch else [], watch=watch)


@collector_paused()
def load_text(
    text: str,
    *,
    folder: str | os.PathLike[str] = ".",
    env: Mapping[str, str] | None = None,
    http: httpx.AsyncClient | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> Router:
    """Compile a text that is in no file and return a router at once; see `load_router`.

    Args:
        text: What would be in a `router.yaml`.
        folder: Where relative paths in it start.
        env: Variables for `${env:NAME}`; the process's own by default.
        http: A client to send requests with, used as it is and never closed.
        providers: Providers to use instead of the text's, by endpoint.

    Raises:
        ConfigError: As `load_router` does.
    """
    from router.config.load import load_source  # noqa: PLC0415 - `import router` stays fast
    from router.diagnostics.source import Source  # noqa: PLC0415

    world = World(os.environ if env is None else env, http, providers or {})
    source = Source("the text", text)
    return _router(lambda: load_source(source, Path(folder), world.env), world, list)


@dataclass(frozen=True, slots=True)
class World:
    """What a router is given beside its configuration; see `load_router`."""

    env: Mapping[str, str] = field(repr=False)  # tracebacks may show the variables of a frame
    http: httpx.AsyncClient | None
    providers: Mapping[str, Provider]
    clock: Clock | None = None
    dice: random.Random | None = None
    observers: tuple[Observer, ...] = ()


def _router(
    read: Callable[[], Configuration],
    world: World,
    made_of: Callable[[], list[Path]],
    *,
    watch: bool = False,
) -> Router:
    from router.compile.compiler import (  # noqa: PLC0415 - `import router` stays fast
        compile_configuration,
        program_under,
    )
    from router.runtime.background import Background  # noqa: PLC0415
    from router.runtime.engine import Engine  # noqa: PLC0415
    from router.runtime.files import look_at_files  # noqa: PLC0415
    from router.runtime.notify import secrets_of  # noqa: PLC0415
    from router.runtime.reload import Reloader  # noqa: PLC0415

    def load() -> tuple[Program, list[Diagnostic]]:
        configuration = read()
        program, findings = compile_configuration(configuration)
        look_at_files(configuration, program, world.providers)
        return program_under(program, world.env), findings

    reloader = Reloader(load, made_of)
    found = reloader.load()
    if found.program is None:
        raise found.error or AssertionError("a look without a program has its error")
    reloader.took(found)
    engine = Engine(
        found.program,
        world.providers,
        http=world.http,
        clock=world.clock,
        dice=world.dice,
        observers=world.observers,
        log=_call_log,
    )
    engine.audience.conceal(secrets_of(found.program))
    return Router(engine, background=Background(engine, reloader, found.findings, watch=watch))


def _call_log(policy: LogPolicy) -> Observer:
    from router.observers.calls import CallLog  # noqa: PLC0415 - only a file that asks for it needs it

    return CallLog(policy)
