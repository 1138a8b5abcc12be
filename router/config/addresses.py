"""Shapes of addresses and credentials: what is secret is masked wherever the file is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.compound import MapOf
from router.config.expand import END, LEGAL_SECRET, is_reference, resolve
from router.config.node import Scalar
from router.config.shapes import MAX_NAME, Leaf
from router.core.secret import Secret
from router.diagnostics.source import LOOKS_SECRET, printable

if TYPE_CHECKING:
    from router.config.expand import Decoding
    from router.config.node import Node, Plain
    from router.config.shapes import Schema, Shape
    from router.diagnostics.source import Span

_UNSENDABLE = "holds characters that no header field may carry"


def _any_case(word: str) -> str:
    # Spelt out: ECMAScript knows no inline flag for it.
    return "".join(f"[{char.upper()}{char}]" if char.isalpha() else char for char in word)


_RESERVED = "|".join(
    map(
        _any_case,
        (
            "host",
            "content-length",
            "authorization",
            "transfer-encoding",
            "connection",
            "content-type",
            "accept",
            "accept-encoding",
        ),
    )
)


class Url(Leaf):
    """An address: http, https or `unix:PATH`; no credentials, query or fragment."""

    wants = "an address such as `http://127.0.0.1:8080/v1` or `unix:/run/llama.sock`"
    blank = ""
    _port = r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
    _host = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    _pattern = rf"^(https?://{_host}(:{_port})?(/[^\s?#@]*)?|unix:[^\s?#]+){END}"
    _match = re.compile(_pattern).match
    _credentials = re.compile(r"(?!unix:)([a-zA-Z+]+://)?[^/\s]*@")

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
            # A query may hold a key, as some vendors' addresses do.
            bare, sign, _ = node.text.partition("?")
            return problems.NotAllowed(node.span, printable(f"{bare}?..." if sign else bare), self.wants)
        return super().refusal(node, owner)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the address; one with credentials in it, or a query, is masked wherever the file is shown."""
        if isinstance(node, Scalar) and ("?" in node.text or self._credentials.match(node.text)):
            to.hide(node.span)
        return super().decode(node, to, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return self.referable({"type": "string", "pattern": self._pattern})


class SecretText(Leaf):
    """A credential: a reference; a literal is reported and masked.

    With `literal` a value may be written out unless it looks like a credential; with `hidden` it is not shown either.
    """

    wants = "a reference such as `${env:API_KEY}` or `${file:/run/secrets/key}`"
    blank = Secret("")

    def __init__(self, *, literal: bool = False, hidden: bool = False) -> None:
        self._literal = literal
        self._hidden = hidden

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return a Secret, or the blank while it is unknown; what was written is never told."""
        if self._hidden and not (isinstance(node, Scalar) and is_reference(node)):
            to.hide(node.span)
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            # Its text may be the secret itself: a key of digits alone is read as a number.
            to.hide(node.span)
            got = "nothing" if isinstance(node, Scalar) and not node.text else "something that is no text"
            to.add(problems.WrongType(node.span, self.wants, got))
            return self.blank
        if not self._sendable(node.text):
            to.hide(node.span)
            to.add(problems.BadHeader(node.span, owner, _UNSENDABLE))
            return self.blank
        known = len(to.problems)
        text = resolve(node, to, secret=True) if is_reference(node) else node.text
        written_out = not is_reference(node) or re.search(r":-[^}]", node.text)
        if written_out and not (self._literal and not LOOKS_SECRET.search(node.text)):
            to.hide(node.span)
            if len(to.problems) == known:  # a malformed reference is one mistake, not two
                to.add(problems.PlaintextSecret(node.span, owner))
        if not text:
            return self.blank
        if not self._sendable(text):
            to.add(problems.BadHeader(node.span, owner, _UNSENDABLE))
            return self.blank
        return Secret(text)

    def _sendable(self, text: str) -> bool:
        return text.isascii() and text.isprintable()

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        sendable = {"pattern": rf"^[\x20-\x7e]+{END}"}
        return {"type": "string", "minLength": 1, "allOf": [sendable, {"pattern": LEGAL_SECRET}]}


class PasswordText(SecretText):
    """What a private key is encrypted with: a credential that no header carries."""

    wants = "a reference such as `${env:CERT_PASSWORD}` or `${file:/run/secrets/password}`"

    def _sendable(self, text: str) -> bool:  # noqa: ARG002 - it is never sent
        return True

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return {"type": "string", "minLength": 1, "pattern": LEGAL_SECRET}


class HeadersShape(MapOf):
    """Header fields: names that HTTP allows and that the router does not set itself."""

    _legal = rf"^(?!({_RESERVED}){END})[!#$%&'*+.^_`|~0-9A-Za-z-]+{END}"
    # Names whose value is a credential, whatever it looks like.
    _credential = "(?i)key|token|secret|passw|cookie|auth|credential|session"
    _literal = SecretText(literal=True)
    _refused = SecretText(literal=True, hidden=True)

    def __init__(self) -> None:
        super().__init__(SecretText(), "header", pattern=self._legal)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a header's value: what is no credential may be written out."""
        if re.fullmatch(_RESERVED, name) or not self.legal(name):
            return self._refused
        return self.value if re.search(self._credential, name) else self._literal

    def name(self, name: str, span: Span, to: Decoding) -> None:
        """Report a name that cannot or must not be sent."""
        if len(name) > MAX_NAME:
            super().name(name, span, to)
        elif re.fullmatch(_RESERVED, name):
            to.add(problems.BadHeader(span, f"header `{name}`", "is set by the router itself"))
        elif not self.legal(name):
            what = f"header `{printable(name)}`"
            to.add(problems.BadHeader(span, what, "has a name that HTTP does not allow"))
