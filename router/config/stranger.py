"""What is no configuration of ours: a text that is no mapping, a file of another program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config import problems
from router.config.node import Mapping
from router.config.shapes import type_name

if TYPE_CHECKING:
    from router.config.node import Node

STRANGERS = {
    "model_list": ("a LiteLLM configuration", "endpoints, models and rules say the same here"),
    "apiVersion": ("a Kubernetes manifest", "a router.yaml begins with `version: 1`"),
    "services": ("a Docker Compose file", "a router.yaml begins with `version: 1`"),
    "tests": ("a file of routing tests", "the file it tests stands under its `config:`"),
}


def stranger(root: Node) -> problems.Problem | None:
    """Return what tells that a file is none of ours, or None."""
    if not isinstance(root, Mapping):
        return problems.WrongType(
            root.span, "a mapping with `version`, `endpoints`, `models` and `rules`", type_name(root)
        )
    for key, (looks_like, instead) in STRANGERS.items():
        if key in root.entries and "endpoints" not in root.entries:
            return problems.NotARouterFile(root.keys[key], looks_like, instead)
    return None
