"""From a path to a router."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from router.runtime.router import Router

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    import httpx

    from router.core.clock import Clock
    from router.core.port import Provider


def load_router(
    path: str | os.PathLike[str],
    *,
    env: Mapping[str, str] | None = None,
    http: httpx.AsyncClient | None = None,
    providers: Mapping[str, Provider] | None = None,
    clock: Clock | None = None,
    dice: random.Random | None = None,
) -> Router:
    """Compile a file and return a router at once; nothing is opened before the first call.

    Args:
        path: The `router.yaml`.
        env: Variables for `${env:NAME}`; the process's own by default.
        http: A client to send requests with, used as it is and never closed.
        providers: Providers to use instead of the file's, by endpoint: doubles in tests.
        clock: Where time comes from; the running event loop by default.
        dice: Where chance comes from.

    Raises:
        ConfigError: The file cannot be read or has errors, or a model file or a file of certificates that it
            names cannot be used; `findings` holds all of them.
    """
    from router.compile.compiler import compile_configuration  # noqa: PLC0415 - `import router` stays fast
    from router.config.load import load_file  # noqa: PLC0415
    from router.runtime.engine import Engine  # noqa: PLC0415
    from router.runtime.files import look_at_files  # noqa: PLC0415

    configuration = load_file(Path(path), os.environ if env is None else env)
    program, findings = compile_configuration(configuration)
    look_at_files(configuration, program, providers or {})
    engine = Engine(program, providers or {}, http=http, clock=clock, dice=dice)
    return Router(engine, findings)
