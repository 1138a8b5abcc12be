"""Looks for what keeps a file from working here and now: variables, files, endpoints, models, windows, memory, clocks."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from router.config.expand import secret_files
from router.core.errors import (
    Authentication,
    CallFailed,
    ConfigError,
    ConnectFailed,
    MalformedResponse,
    ModelNotFound,
)
from router.core.private import mode_for_others
from router.core.units import show_duration
from router.providers.knock import knock
from router.providers.registry import file_troubles
from router.runtime.files import HELP, USUAL_HELP
from router.runtime.inspection import CLOCK, PATIENCE, inspect, used, why_unasked
from router.runtime.room import room_of
from router.runtime.service import start_command
from router.runtime.symptoms import Symptom
from router.runtime.wards import models_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.clock import Clock
    from router.core.request import Endpoint
    from router.providers.knock import Knock
    from router.runtime.inspection import Prepared, Seen
    from router.runtime.symptoms import Verdict

# Seconds by which a clock may be wrong: signed requests and certificates begin to fail at about five minutes.
ODD, WRONG = 30.0, 300.0
LIMIT = 429


async def examine(prepared: Prepared, seconds: float = PATIENCE, clock: Clock = CLOCK) -> tuple[Symptom, ...]:
    """Return everything that was looked at, in the order a person would go about it; it raises nothing.

    Args:
        prepared: The file.
        seconds: How long each endpoint may take to answer.
        clock: Where time comes from.
    """
    endpoints = used(prepared.program)
    seen, knocked = await asyncio.gather(
        inspect(prepared, endpoints, seconds, clock), _knocked(prepared, endpoints, seconds, clock)
    )
    found = [
        *_file(prepared),
        *_variables(prepared),
        *_secrets(prepared),
        *_files(prepared),
        *_written(prepared),
    ]
    for endpoint in endpoints:
        found.append(_endpoint(seen[endpoint.name]))
        found += await _notes(seen[endpoint.name], seconds, clock)
        found += models_of(prepared.program, seen[endpoint.name])
        found += await room_of(prepared.program, seen[endpoint.name])
    return (*found, *_memory(prepared), *_clock(knocked, clock.wall()))


def _file(prepared: Prepared) -> Iterator[Symptom]:
    program, wrong = prepared.program, prepared.wrong
    counted = (used(program), "endpoint"), (program.models, "model"), (program.routes, "rule")
    what = ", ".join(f"{len(each)} {word}{'' if len(each) == 1 else 's'}" for each, word in counted)
    if wrong is None:
        yield Symptom("file", program.file, "ok", what)
        return
    errors = [each for each in wrong.findings if each.severity == "error"]
    for each in errors:
        yield Symptom(
            "file", program.file, "fail", f"{each.code} {each.message}", each.help or "see `router check`"
        )
    if not errors:
        yield Symptom("file", program.file, "fail", str(wrong).partition("\n")[0], "see `router check`")


def _variables(prepared: Prepared) -> Iterator[Symptom]:
    """Tell which variables are set; never what to."""
    seen = set()
    for each in prepared.configuration.variables:
        if each.name in seen:
            continue
        seen.add(each.name)
        if each.name in prepared.missing:
            where = [name for name, needs in prepared.unset.items() if each.name in needs]
            what = f"is not set; {', '.join(f'`{name}`' for name in where) or 'the file'} needs it"
            yield Symptom(
                "variable", each.name, "fail", what, f"export {each.name}=..., or give it a default"
            )
        else:
            yield Symptom(
                "variable", each.name, "ok", "is set" if each.default is None else "is set or has a default"
            )


def _secrets(prepared: Prepared) -> Iterator[Symptom]:
    """Tell which files with secrets others can read."""
    root = prepared.configuration.root
    for text, path in secret_files(root, prepared.configuration.folder) if root is not None else ():
        mode = mode_for_others(str(path))
        if mode is not None:
            what = f"holds a secret, and others can read it (mode {mode:04o})"
            yield Symptom("readable", text, "warn", what, f"chmod 600 {path}")


def _files(prepared: Prepared) -> Iterator[Symptom]:
    program = prepared.program
    for endpoint in used(program):
        if prepared.unset.get(endpoint.name):
            continue
        ids = [
            each.id
            for model in program.models.values()
            for each in model.deployments
            if each.endpoint is endpoint
        ]
        troubles = dict(file_troubles(endpoint, ids))
        for key in ("path", "ca", "cert"):
            if key in troubles:
                yield Symptom(
                    "readable", f"{endpoint.name}.{key}", "fail", troubles[key], HELP.get(key, USUAL_HELP)
                )
            elif endpoint.settings.get(key):
                yield Symptom("readable", f"{endpoint.name}.{key}", "ok", "can be read")


def _written(prepared: Prepared) -> Iterator[Symptom]:
    """Tell whether the files that calls write to can be written; nothing is made."""
    program = prepared.program
    for key, path in (
        ("log.calls", program.log and program.log.path),
        ("costs.ledger", program.costs and program.costs.ledger),
        ("cache.store", program.cache and program.cache.path),
    ):
        if path:
            wrong = _unwritable(Path(path))
            mode = mode_for_others(path)
            if wrong is not None:
                yield Symptom("writable", key, "fail", *wrong)
            elif mode is not None:
                what = f"{path} tells who asked what, and others can read it (mode {mode:04o})"
                yield Symptom("writable", key, "warn", what, f"chmod 600 {path}; the next call does so too")
            else:
                yield Symptom("writable", key, "ok", "can be written")


def _unwritable(path: Path) -> tuple[str, str] | None:
    """Return why a file cannot be written and what to do about it, or None."""
    folder = path.parent
    if not folder.is_dir():
        return f"{path} cannot be written: there is no folder {folder}", f"make it: mkdir -p {folder}"
    if path.is_dir():
        return f"{path} cannot be written: it is a folder", "name a file"
    if not all(os.access(each, os.W_OK) for each in (folder, path) if each.exists()):
        return f"{path} cannot be written: permission denied", "see whose it is and what its mode is"
    return None


def _endpoint(seen: Seen) -> Symptom:
    endpoint, error = seen.endpoint, seen.error
    ms = round(seen.seconds * 1000, 1) if endpoint.url else None
    name = endpoint.name
    if seen.standing == "unasked":
        return Symptom("endpoint", name, "skip", seen.why)
    if seen.standing == "loading":
        return Symptom(
            "endpoint", name, "warn", seen.why, "wait until it has loaded its model, then ask again", ms
        )
    if error is not None and error.status == LIMIT:
        return Symptom("endpoint", name, "warn", seen.why, "it is well, and limits how often it is asked", ms)
    if error is not None or seen.standing == "down":
        return Symptom("endpoint", name, "fail", seen.why, _advice(seen), ms)
    what = "answers" if endpoint.url else "answers in this process"
    if seen.models is not None:
        what += f", and has {len(seen.models)} model{'' if len(seen.models) == 1 else 's'}"
    return Symptom("endpoint", name, "ok", what, ms=ms)


def _advice(seen: Seen) -> str:
    """Return what to do about an endpoint that does not answer as it should."""
    endpoint, start = seen.endpoint, start_command(seen.endpoint)
    match seen.error:
        case ConnectFailed() if endpoint.locality == "local" and start:
            return f"start it with: {start}"
        case ConnectFailed():
            return (
                f"see that {endpoint.url} is right, that the server runs, and that the network lets you there"
            )
        case Authentication() if not endpoint.keys:
            return f"it wants a credential: write `key: ${{env:NAME}}` at `{endpoint.name}`"
        case Authentication():
            return f"its key is refused: see that the variable of `{endpoint.name}` holds the right one"
        case MalformedResponse() | ModelNotFound():
            ending = {"openai": "; it usually ends with /v1"}.get(endpoint.kind, "")
            return f"see that {endpoint.url} is a server of the kind {endpoint.kind}{ending}; `router discover` tells"
        case _:
            return f"see the log of the server at {endpoint.url or endpoint.name}"


async def _notes(seen: Seen, seconds: float, clock: Clock) -> list[Symptom]:
    """Return what is known of the version of a server."""
    endpoint = seen.endpoint
    if endpoint.kind != "ollama" or seen.models is None:
        return []
    from router.providers.ollama import OllamaProvider  # noqa: PLC0415 - most files have none

    provider = OllamaProvider(endpoint)
    try:
        async with clock.timeout_at(clock.now() + seconds):
            version, cuts = await provider.version()
    except (CallFailed, TimeoutError):
        return []
    finally:
        await provider.close()
    if not cuts:
        return [
            Symptom("version", endpoint.name, "ok", f"Ollama {version} refuses prompts that are too long")
        ]
    what = f"Ollama {version} cuts prompts that are longer than the window, and does not say so"
    return [Symptom("version", endpoint.name, "fail", what, "update Ollama to 0.12.6 or later")]


def _memory(prepared: Prepared) -> Iterator[Symptom]:
    """Hold what local models may occupy together against what this machine has."""
    wanted: dict[tuple[str, str], int] = {}
    for model in prepared.program.models.values():
        for each in model.deployments:
            if each.endpoint.locality == "local" and each.memory is not None:
                wanted[each.endpoint.name, each.id] = each.memory
    machine = machine_memory()
    if not wanted or machine is None:
        return
    gib = 2**30
    most, total = max(wanted.values()), sum(wanted.values())
    said = f"{machine / gib:.1f} GiB in all; local models want {most / gib:.1f} GiB at most alone"
    if most > machine:
        yield Symptom(
            "memory", "this machine", "fail", said, "take a smaller model, or a smaller quantization of it"
        )
    elif total > machine:
        said += f", {total / gib:.1f} GiB together"
        advice = "write `memory:` at their endpoint, so that the router keeps only those loaded that fit"
        bounded = prepared.program.residency is not None
        yield Symptom("memory", "this machine", "ok" if bounded else "warn", said, "" if bounded else advice)
    else:
        yield Symptom("memory", "this machine", "ok", said)


def machine_memory() -> int | None:
    """Return the bytes of memory that this machine has, or None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _clock(knocked: list[tuple[Endpoint, Knock]], now: float) -> Iterator[Symptom]:
    """Compare this machine's clock with those of servers on other machines; a local one has the same."""
    for endpoint, found in knocked:
        if found.date is None or endpoint.locality == "local":
            continue
        skew = now - found.date
        words = f"{show_duration(round(abs(skew)))} {'ahead of' if skew > 0 else 'behind'} that of `{endpoint.name}`"
        if abs(skew) < ODD:
            yield Symptom("clock", "this machine", "ok", f"agrees with that of `{endpoint.name}`")
        else:
            verdict: Verdict = "fail" if abs(skew) >= WRONG else "warn"
            yield Symptom("clock", "this machine", verdict, f"is {words}", "set it, for example by NTP")


async def _knocked(
    prepared: Prepared, endpoints: list[Endpoint], seconds: float, clock: Clock
) -> list[tuple[Endpoint, Knock]]:
    """Ask the remote endpoints for nothing but the time."""

    async def asked(endpoint: Endpoint) -> Knock | None:
        try:
            async with clock.timeout_at(clock.now() + seconds):
                return await knock(endpoint, "/")
        except (CallFailed, ConfigError, TimeoutError):
            return None

    wanted = [
        each
        for each in endpoints
        if each.locality == "remote" and each.url and why_unasked(prepared, each) is None
    ]
    found = await asyncio.gather(*map(asked, wanted))
    return [(endpoint, each) for endpoint, each in zip(wanted, found, strict=True) if each is not None]
