"""A file for a server that was found: its endpoint, its models, and a rule for all calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.port import Listed
    from router.core.request import Endpoint

MOST, TWO = 20, 2
CHOICE = "choice"
# Words that mean something else where a model or a value is named.
_TAKEN = frozenset(("any", "not", "others"))
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@+-]*[A-Za-z0-9_/@+-])?\Z")
_OTHERWISE = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_NEITHER = re.compile(r"[^A-Za-z0-9._-]+")
HEAD = "# yaml-language-server: $schema=router.schema.json\n"


def page(
    endpoint: Endpoint,
    models: Sequence[Listed],
    *,
    quirks: str | None = None,
    variable: str | None = None,
    more: int = 0,
) -> str:
    """Return the text of a file that `router check` accepts.

    Args:
        endpoint: The server.
        models: The models to write; where there is none, one stands in for them.
        quirks: Which OpenAI-compatible server it is, where its address does not tell it.
        variable: The variable that holds its key, or None.
        more: How many further models it has.
    """
    fields = [f"kind: {endpoint.kind}", f"url: {quoted(endpoint.url)}"]
    fields += [f"quirks: {quirks}"] if quirks is not None else []
    fields += [f'key: "${{env:{variable}}}"'] if variable is not None else []
    names = _names(models)
    lines = ["version: 1", "", *_choice(names), "endpoints:"]
    lines += [
        f"  {plain(endpoint.name)}: {{{', '.join(fields)}}}",
        "",
        "models:",
    ]
    lines += [_model(name, model, endpoint) for name, model in zip(names, models, strict=True)]
    if not models:
        lines.append(
            f"  assistant: {{at: {plain(endpoint.name)}}}  # write `id:`, the name that the server knows"
        )
    if more:
        lines.append(f"  # and {more} more; `--only PATTERN` chooses")
    if endpoint.kind == "ollama":
        lines.append("  # `context: 8192` at a model has Ollama load it with a window of so many tokens")
    used = [plain(name) for name in names] or ["assistant"]
    # In the order of failover: a third would hardly be tried before a call's time is over.
    chosen = used[0] if len(used) == 1 else f"[{used[0]}, {used[1]}]"
    lines += ["", "rules:", *_chosen(names)]
    return "\n".join([*lines, f"  - {{name: otherwise, use: {chosen}}}", ""])


def _choice(names: Sequence[str]) -> list[str]:
    """Return a dimension for calls to choose a model by, where there are more than two."""
    if len(names) <= TWO:
        return []
    values = ", ".join(map(plain, names))
    return [
        "dimensions:",
        f"  {CHOICE}: {{values: [{values}], default: {plain(names[0])}}}  # or by `model=`",
        "",
    ]


def _chosen(names: Sequence[str]) -> list[str]:
    """Return a rule for the calls that choose another model than the first, which answers when that fails."""
    if len(names) <= TWO:
        return []
    first, *others = map(plain, names)
    wide = max(map(len, others)) + 1
    rows = [f"      - [{name + ',':<{wide}} [{name}, {first}]]" for name in others]
    return ["  - name: chosen", f"    matrix: [{CHOICE}, use]", "    rows:", *rows]


def plain(text: str) -> str:
    """Return a text as YAML has it: without quotes where that is surely read as the same."""
    return text if _PLAIN.match(text) and text.casefold() not in _OTHERWISE else quoted(text)


def quoted(text: str) -> str:
    """Return a text in quotes, which means itself: what a server calls its models refers to no variable here."""
    shown = "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else f"\\U{ord(char):08x}"
        for char in text.replace("${", "$${")
    )
    return f'"{shown}"'


def _model(name: str, model: Listed, endpoint: Endpoint) -> str:
    fields = [f"at: {plain(endpoint.name)}"]
    fields += [] if name == model.id else [f"id: {quoted(model.id)}"]
    # Ollama's is the one it was loaded with; what the file says decides the next one.
    known = model.context is not None and endpoint.kind != "ollama"
    fields += [f"context: {model.context}"] if known else []
    return f"  {plain(name)}: {{{', '.join(fields)}}}"


def _names(models: Sequence[Listed]) -> list[str]:
    """Return a name for each model: its own without what is the same for all, each one once."""
    found: list[str] = []
    for model in models:
        own = min((model.id, *model.aliases), key=len)
        name = _NEITHER.sub("-", own.rpartition("/")[2].removesuffix(".gguf")).strip("-.") or "model"
        name += "-model" if name in _TAKEN else ""
        number, chosen = 2, name
        while chosen in found:
            chosen, number = f"{name}-{number}", number + 1
        found.append(chosen)
    return found
