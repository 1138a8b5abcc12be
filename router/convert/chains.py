"""Fallback lists to failover: who answers when a model fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.node import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.convert.groups import Model
    from router.convert.old import Keys

KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
DEFAULTS = "default_fallbacks"
ANY = "*"


def chains(sections: list[Keys], models: list[Model], aliases: dict[str, str]) -> dict[str, list[str]]:
    """Return for each model who answers after it, in order; every entry that cannot be is told as left.

    The `failover` of `models` holds their further models before, and afterwards all that leads in no circle.

    Args:
        sections: The parts of the old file that may hold such lists.
        models: The models.
        aliases: Other names of them.
    """
    found = _Chains(models, aliases)
    for section in sections:
        for kind in KINDS:
            found.read(section, kind)
    found.read_defaults()
    return found.settled()


class _Chains:
    """Who follows whom, and which list said so."""

    def __init__(self, models: list[Model], aliases: dict[str, str]) -> None:
        self._models = {model.name: model for model in models}
        self._aliases = aliases
        self._further = {model.name: list(model.failover) for model in models}
        self._wanted: dict[str, dict[str, tuple[Keys, str]]] = {model.name: {} for model in models}
        self._own: set[str] = set()
        self._for_any: list[tuple[Keys, str, list[str]]] = []

    def read(self, section: Keys, kind: str) -> None:
        for group, names in _entries(section, kind):
            if group == ANY:
                self._for_any.append((section, kind, names))
            else:
                self._add(section, kind, group, names)
                if kind == KINDS[0]:
                    self._own.add(self._aliases.get(group, group))
        if kind == KINDS[0] and section.has(DEFAULTS):
            names = [each.text for each in section.items(DEFAULTS) if isinstance(each, Scalar)]
            self._for_any.append((section, DEFAULTS, names))

    def read_defaults(self) -> None:
        """Give the lists for any model to those that have none of their own."""
        for section, kind, names in self._for_any:
            for model in self._models.values():
                if model.asked and (kind not in (KINDS[0], DEFAULTS) or model.name not in self._own):
                    self._add(section, kind, model.name, names)

    def _add(self, section: Keys, kind: str, group: str, names: list[str]) -> None:
        group = self._aliases.get(group, group)
        if group not in self._wanted:
            section.leave(kind, f"there is no model `{group}` to fail over from")
            return
        for written in names:
            name = self._aliases.get(written, written)
            if name not in self._models:
                section.leave(kind, f"`{group}` cannot fail over to `{name}`: there is no such model")
            elif name != group:
                self._wanted[group].setdefault(name, (section, kind))

    def settled(self) -> dict[str, list[str]]:
        """Give each model the failover that leads in no circle; return the whole of it."""
        for model in self._models.values():
            model.failover = list(self._further[model.name])
        whole: dict[str, list[str]] = {}
        for name, wanted in self._wanted.items():
            chain = list(self._further[name])
            for follower, (section, kind) in wanted.items():
                new = [each for each in (follower, *self._further[follower]) if each not in (name, *chain)]
                chain += new
                if any(self._leads(each, name) for each in new):
                    why = f"`{name}` to `{follower}` leads in a circle: its rule fails over so, a call with `model={name}` does not"
                    section.leave(kind, why)
                else:
                    self._models[name].failover += new
            whole[name] = chain
        return whole

    def _leads(self, start: str, goal: str) -> bool:
        todo, seen = [start], set()
        while todo:
            name = todo.pop()
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                todo += self._models[name].failover
        return False


def _entries(section: Keys, kind: str) -> Iterator[tuple[str, list[str]]]:
    for item in section.items(kind):
        if not isinstance(item, Mapping):
            section.leave(kind, "an entry is a model and a list of models")
            continue
        for group, names in item.entries.items():
            listed = names.items if isinstance(names, Sequence) else [names]
            yield group, [each.text for each in listed if isinstance(each, Scalar)]
            if not all(isinstance(each, Scalar) for each in listed):
                section.leave(
                    kind, f"`{group}` has a fallback with options of its own; a model may have them"
                )
