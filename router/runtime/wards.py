"""What an endpoint's list says of the models that the file has there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.deployments import file_of
from router.config.kinds import ONE_AT_A_TIME
from router.core.quirk import quirk_of
from router.diagnostics.suggest import listed as some_of
from router.diagnostics.suggest import nearest
from router.runtime.stock import answers_any_name
from router.runtime.symptoms import Symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.compile.program import Deployment, Program
    from router.core.port import Listed
    from router.core.request import Endpoint
    from router.runtime.inspection import Seen
    from router.runtime.symptoms import Verdict


def models_of(program: Program, seen: Seen) -> Iterator[Symptom]:
    """Yield what is to be said of each model at an endpoint that lists its models."""
    endpoint, models = seen.endpoint, seen.models
    if models is None or _has_names_of_its_own(endpoint):
        return
    here = [
        each for model in program.models.values() for each in model.deployments if each.endpoint is endpoint
    ]
    for deployment in here:
        listed = seen.listed(deployment.id)
        if listed is None:
            yield _missing(deployment, seen)
            listed = models[0] if answers_any_name(seen) else None
        else:
            yield _there(deployment, listed)
        if listed is not None:
            yield from _window(deployment, listed)
            yield from _elsewhere(deployment, listed)
    yield from _slots(endpoint, models, here)


def _there(deployment: Deployment, listed: Listed) -> Symptom:
    subject = f"{deployment.model} at {deployment.endpoint.name}"
    state = f", {listed.state}" if listed.state is not None else ""
    if listed.state == "failed":
        advice = f"see the log of `{deployment.endpoint.name}`: the file may be broken, or too large for its memory"
        return Symptom(
            "model", subject, "fail", f"`{deployment.id}` is there and could not be loaded", advice
        )
    return Symptom("model", subject, "ok", f"is there as `{deployment.id}`{state}")


def _missing(deployment: Deployment, seen: Seen) -> Symptom:
    endpoint, models = deployment.endpoint, seen.models or ()
    subject = f"{deployment.model} at {endpoint.name}"
    if answers_any_name(seen):
        what = f"`{deployment.id}` is answered by the one model there, `{models[0].id}`"
        return Symptom(
            "model", subject, "warn", what, f"write `id: {models[0].id}` if that is the one you mean"
        )
    names = [name for each in models for name in (each.id, *each.aliases)]
    meant = nearest(deployment.id, names)
    if meant is not None:
        advice = f"write `id: {meant}`"
    elif endpoint.kind == "ollama":
        advice = f"pull it: ollama pull {deployment.id}"
    else:
        advice = f"it has {some_of([each.id for each in models])}" if models else "it has none: give it one"
    # Clouds answer names that they do not list: dates, variants and nicknames of models.
    verdict: Verdict = "fail" if endpoint.locality == "local" else "warn"
    return Symptom("model", subject, verdict, f"`{endpoint.name}` does not list `{deployment.id}`", advice)


def _window(deployment: Deployment, listed: Listed) -> Iterator[Symptom]:
    """Compare the window that the file says with the one that a server has; Ollama gives the one it is told."""
    real, said = listed.context, deployment.context
    if real is None or deployment.endpoint.kind in ("ollama", "gguf"):
        return
    subject = f"{deployment.model} at {deployment.endpoint.name}"
    if said is None:
        yield Symptom(
            "context", subject, "ok", f"{real:,} tokens there, none written", f"write `context: {real}`"
        )
    elif said > real:
        what = f"{said:,} tokens written, {real:,} there: longer prompts will be refused"
        yield Symptom(
            "context", subject, "fail", what, f"write `context: {real}`, or start the server with more"
        )
    else:
        yield Symptom("context", subject, "ok", f"{said:,} tokens written, {real:,} there")


def _elsewhere(deployment: Deployment, listed: Listed) -> Iterator[Symptom]:
    if listed.elsewhere is not None and deployment.endpoint.locality == "local":
        subject = f"{deployment.model} at {deployment.endpoint.name}"
        what = f"`{deployment.id}` is answered by {listed.elsewhere}, and the endpoint counts as local"
        yield Symptom("locality", subject, "fail", what, "write `locality: remote` at an endpoint of its own")


def _slots(endpoint: Endpoint, models: tuple[Listed, ...], here: list[Deployment]) -> Iterator[Symptom]:
    slots = [each.slots for each in models if each.slots is not None]
    if endpoint.kind in ONE_AT_A_TIME and here:
        path = str(endpoint.settings.get("path", ""))
        slots = [len({(file_of(path, each.id), each.context) for each in here})]
    if slots and endpoint.concurrency > max(slots):
        what = f"up to {endpoint.concurrency} calls at once are sent, and it answers {max(slots)}"
        advice = f"write `concurrency: {max(slots)}`"
        if endpoint.url:
            advice += ", or start the server with more slots"
        yield Symptom("slots", endpoint.name, "warn", what, advice)


def _has_names_of_its_own(endpoint: Endpoint) -> bool:
    """Whether calls name what the list does not: Azure's deployments."""
    written = endpoint.settings.get("quirks")
    return endpoint.kind == "openai" and quirk_of(str(written) if written else None, endpoint.url).deployments
