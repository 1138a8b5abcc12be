"""From a path to a router."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from router.runtime.router import Router

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    import httpx

    from router.compile.program import Program
    from router.core.clock import Clock
    from router.core.observer import Observer
    from router.core.port import Provider
    from router.diagnostics.diagnostic import Diagnostic


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
    from router.compile.compiler import (  # noqa: PLC0415 - `import router` stays fast
        compile_configuration,
        program_under,
    )
    from router.config.load import load_file  # noqa: PLC0415
    from router.runtime.background import Background  # noqa: PLC0415
    from router.runtime.engine import Engine  # noqa: PLC0415
    from router.runtime.files import look_at_files  # noqa: PLC0415
    from router.runtime.notify import secrets_of  # noqa: PLC0415
    from router.runtime.reload import Reloader  # noqa: PLC0415

    made_of = [Path(path)]

    def load() -> tuple[Program, list[Diagnostic]]:
        variables = os.environ if env is None else env
        configuration = load_file(Path(path), variables)
        made_of[1:] = [Path(name) for name in configuration.sources if Path(name) != Path(path)]
        program, findings = compile_configuration(configuration)
        look_at_files(configuration, program, providers or {})
        return program_under(program, variables), findings

    reloader = Reloader(load, lambda: made_of if watch else [])
    found = reloader.load()
    if found.program is None:
        raise found.error or AssertionError("a look without a program has its error")
    reloader.took(found)
    engine = Engine(found.program, providers or {}, http=http, clock=clock, dice=dice, observers=observers)
    engine.audience.conceal(secrets_of(found.program))
    return Router(engine, background=Background(engine, reloader, found.findings, watch=watch))
