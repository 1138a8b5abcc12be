"""What Ollama tells of its models: those that are pulled, and those in memory. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from router.core.errors import MalformedResponse
from router.core.port import Listed
from router.providers._json_api import positive

LATEST = ":latest"
# The first version that refuses a prompt longer than the window when it is told to; older ones cut it unseen.
UNCUT_SINCE = (0, 12, 6)


def listed(tags: object, ps: object, where: str) -> tuple[Listed, ...]:
    """Return the models of an answer of /api/tags, with what /api/ps says of those in memory.

    Raises:
        MalformedResponse: An answer is not of Ollama's form.
    """
    in_memory = {name: model for model in _models(ps, where) if (name := _name(model))}
    found = [
        _listed(model, in_memory.pop(_name(model), None)) for model in _models(tags, where) if _name(model)
    ]
    # A model may be removed from the disk and still be in memory.
    return (
        *found,
        *(_in_memory(Listed(name, aliases=_aliases(name)), model) for name, model in in_memory.items()),
    )


def running(ps: object, model: str, where: str) -> bool:
    """Return whether a model is in memory, as an answer of /api/ps says.

    Raises:
        MalformedResponse: The answer is not of Ollama's form.
    """
    names = {_name(each) for each in _models(ps, where)}
    return not names.isdisjoint({model, *_aliases(model)})


def cuts_unseen(version: str) -> bool:
    """Whether this version of Ollama cuts a prompt that is longer than the window; False where it does not say."""
    parts = version.split("-", maxsplit=1)[0].split(".")
    if not all(part.isdecimal() for part in parts) or tuple(map(int, parts)) == (
        0,
        0,
        0,
    ):  # 0.0.0 is built by hand
        return False
    return tuple(map(int, parts)) < UNCUT_SINCE


def _listed(model: Mapping[str, object], loaded: Mapping[str, object] | None) -> Listed:
    name, host = _name(model), model.get("remote_host")
    found = Listed(
        name,
        size=positive(model.get("size")),
        state="unloaded",
        aliases=_aliases(name),
        elsewhere=host if isinstance(host, str) and host else None,
    )
    return found if loaded is None else _in_memory(found, loaded)


def _in_memory(found: Listed, model: Mapping[str, object]) -> Listed:
    memory, context = positive(model.get("size")), positive(model.get("context_length"))
    return replace(found, state="loaded", memory=memory, context=context)


def _models(answer: object, where: str) -> list[Mapping[str, object]]:
    models = answer.get("models") if isinstance(answer, Mapping) else None
    if not isinstance(models, list) or not all(isinstance(each, Mapping) for each in models):
        raise MalformedResponse(f"{where} does not list its models as Ollama does; is it Ollama?")
    return models


def _name(model: Mapping[str, object]) -> str:
    """Return the name of a model, or "": older versions have no `model`."""
    found = model.get("model") or model.get("name")
    return found if isinstance(found, str) else ""


def _aliases(name: str) -> tuple[str, ...]:
    """Return the other name of a model whose tag is the usual one."""
    if name.endswith(LATEST):
        return (name.removesuffix(LATEST),)
    return () if ":" in name.rpartition("/")[2] else (name + LATEST,)
