"""Shapes of addresses and credentials: what is secret is masked wherever the file is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.expand import REFERENCE, is_reference, resolve
from router.config.node import Scalar
from router.config.shapes import Leaf
from router.core.secret import Secret
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from router.config.expand import Decoding
    from router.config.node import Node, Plain
    from router.config.shapes import Schema


class Url(Leaf):
    """An address: http, https or `unix:PATH`; no credentials, query or fragment."""

    wants = "an address such as `http://127.0.0.1:8080/v1` or `unix:/run/llama.sock`"
    blank = ""
    _pattern = r"^(https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[^\s?#@]*)?|unix:[^\s?#]+)$"
    _match = re.compile(_pattern).match
    _credentials = re.compile(r"[a-zA-Z+]+://[^/\s]*@")

    def read(self, value: Plain) -> str | None:
        """Return the address without a slash at its end."""
        if not isinstance(value, str) or not self._match(value):
            return None
        return value.rstrip("/")

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Tell credentials from a bad form."""
        if isinstance(node.value, str) and self._credentials.match(node.value):
            return problems.CredentialsInUrl(node.span)
        if isinstance(node.value, str):
            return problems.NotAllowed(node.span, printable(node.text), self.wants)
        return super().refusal(node, owner)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the address; credentials in it are masked wherever the file is shown."""
        if isinstance(node, Scalar) and self._credentials.match(node.text):
            to.source.secrets.append(node.span)
        return super().decode(node, to, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return {"type": "string", "pattern": f"{self._pattern}|{REFERENCE}"}


class SecretText(Leaf):
    """A credential: a reference; a literal is reported and masked."""

    wants = "a reference such as `${env:API_KEY}` or `${file:/run/secrets/key}`"
    blank = Secret("")

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return a Secret, or the blank while it is unknown; what was written is never told."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            if isinstance(node, Scalar):
                to.source.secrets.append(node.span)
            to.add(problems.WrongType(node.span, self.wants, "something that is no text"))
            return self.blank
        if not is_reference(node) or re.search(r":-[^}]", node.text):
            to.source.secrets.append(node.span)
            to.add(problems.PlaintextSecret(node.span, owner))
        text = resolve(node, to, secret=True) if is_reference(node) else node.text
        if not text:
            return self.blank
        if not (text.isascii() and text.isprintable()):
            to.add(problems.BadHeader(node.span, owner, "holds characters that no header field may carry"))
            return self.blank
        return Secret(text)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return {"type": "string", "minLength": 1, "pattern": r"^[\x20-\x7e]+$"}
