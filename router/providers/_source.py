"""Who answers, and how its words get into messages without its secrets and without the prompt."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Self

from router.core.frozen import dataclass
from router.core.messages import ImagePart
from router.core.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.core.messages import Message
    from router.core.secret import Secret

TEXT_CAP = 300
ID_CAP = 120
# The fields in which an answer names its request, the most telling first.
ID_FIELDS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "x-generation-id",
    "x-ds-trace-id",
    "cf-ray",
)
# So many characters in a row that are the prompt's own are no coincidence.
ECHO = 20
SHORT_ECHO = 8
HIDDEN = "…"
_KEYS = re.compile(
    r"\b(sk|pk|rk|gsk|xai)[-_][\w*-]{4,}|\bAIza[\w-]{10,}|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=[?&]key=)[^&\s]+",
    re.IGNORECASE,
)
# Text of ASCII without any of these has none of those, and is told so in a fraction of the time.
_SIGNS = ("sk", "pk", "rk", "xai", "aiza", "bearer ", "basic ", "key=")


@dataclass(frozen=True, slots=True)
class Source:
    """Who answered: how messages name the endpoint, and what they must not show.

    Attributes:
        where: The endpoint's name and address.
        secrets: Values that no message shows.
        prompt: The conversation, which no message shows either.
    """

    where: str
    secrets: tuple[Secret, ...] = ()
    prompt: Sequence[Message] = field(default=(), repr=False)

    def asked(self, prompt: Sequence[Message]) -> Self:
        """Return the same for one request."""
        return type(self)(self.where, self.secrets, prompt)

    def quote(self, text: str, cap: int = TEXT_CAP) -> str:
        """Return foreign text fit for a message: keys and prompt hidden, control characters escaped, cut."""
        text = _without_prompt(self._without_secrets(text, cap), list(_words(self.prompt)), cap)
        shown = text
        if not text.isprintable():
            shown = "".join(
                c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
            )
        return shown if len(shown) <= cap else shown[: cap - 1] + "…"

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the endpoint's own id of a request, or None.

        Args:
            headers: Header fields of the answer; names are found in lower case.
        """
        for name in ID_FIELDS:
            if name in headers and headers[name].strip():
                return self.quote(headers[name].strip(), ID_CAP) or None
        return None

    def _without_secrets(self, text: str, cap: int) -> str:
        values = {part for secret in self.secrets for part in _parts(secret.reveal())}
        # Each mask shortens the text, so that what is cut here cannot come into sight.
        text = text[: 2 * cap * max(100, *map(len, values), 0)]
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return _KEYS.sub(MASK, text) if _may_show_key(text) else text


def _may_show_key(text: str) -> bool:
    if not text.isascii():
        return True
    lower = text.lower()
    return any(sign in lower for sign in _SIGNS)


def _parts(value: str) -> Iterator[str]:
    """Yield a secret, and its longer words: of `Token abc` an endpoint may say `abc` alone."""
    if value:
        yield value
        yield from (word for word in value.split() if len(word) >= SHORT_ECHO)


def _words(prompt: Sequence[Message]) -> Iterator[str]:
    for message in prompt:
        if isinstance(message.content, str):
            yield message.content
        else:
            yield from (part.url if isinstance(part, ImagePart) else part.text for part in message.content)
        yield from (call.arguments for call in message.tool_calls)


def _without_prompt(text: str, words: Sequence[str], cap: int) -> str:
    """Return text without the longer runs of characters that are the prompt's, and not much more than fits."""
    if not words:
        return text[: cap + 1]
    for word in words:
        if len(word) >= SHORT_ECHO:
            text = text.replace(word, HIDDEN)
    said = "\0".join(words)
    shown: list[str] = []
    at = 0
    while at < len(text) and len(shown) <= cap:
        end = at + ECHO
        if end > len(text) or text[at:end] not in said:
            shown.append(text[at])
            at += 1
            continue
        while end < len(text) and text[at : end + 1] in said:
            end += 1
        shown.append(HIDDEN)
        at = end
    return "".join(shown)
