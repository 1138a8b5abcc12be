"""Questions that an endpoint answers with one JSON object: its models, its version, what to load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.core.errors import CallFailed, MalformedResponse
from router.providers._errors import error_for_status
from router.providers._json import UNREADABLE, parse
from router.providers._refusal import refused_body
from router.providers._transport import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.request import Endpoint
    from router.core.secret import Secret
    from router.providers._source import Source
    from router.providers._transport import HttpResponse, Transport

ANSWER_CAP = 8 * 1024 * 1024


class JsonApi:
    """The part of an endpoint that is no chat.

    Args:
        transport: What sends.
        source: Who answers, for messages.
        headers: The header fields of each request.
        root: Where its paths begin, from the host's root on; "" where they begin there.
    """

    def __init__(
        self, transport: Transport, source: Source, headers: Mapping[str, str | Secret], root: str = ""
    ) -> None:
        self._transport = transport
        self._source = source
        self._headers = {**headers, "accept": "application/json"}
        self._root = root

    async def get(self, path: str) -> object:
        """Return what the endpoint answers at a path.

        Raises:
            CallFailed: It does not, or not with JSON.
        """
        return await self._ask("GET", path, b"")

    async def post(self, path: str, body: Mapping[str, object]) -> object:
        """Send an object and return the answer to it.

        Raises:
            CallFailed: There is none, or it is no JSON.
        """
        return await self._ask("POST", path, json.dumps(body).encode())

    async def send(self, method: str, path: str) -> None:
        """Ask for something whose answer says nothing but that it is done.

        Raises:
            CallFailed: It is not.
        """
        sent = HttpRequest(method, self._root + path, self._headers, rooted=True)
        async with self._transport.open(sent) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await self._refusal(response)
            await response.read(ANSWER_CAP)

    async def _ask(self, method: str, path: str, body: bytes) -> object:
        sent = HttpRequest(method, self._root + path, self._headers, body, rooted=True)
        async with self._transport.open(sent) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await self._refusal(response)
            text = (await response.read(ANSWER_CAP)).decode("utf-8", "replace")
        found = parsed(text)
        if found is None:
            page = text.lstrip()[:1] == "<"
            what = "a web page" if page else "something that is no JSON"
            raise MalformedResponse(f"{self._source.where} answered {path} with {what}")
        return found

    async def _refusal(self, response: HttpResponse) -> CallFailed:
        body = await refused_body(response)
        return error_for_status(self._source, response.status, response.headers, body)


def parsed(text: str | bytes) -> object:
    """Return what JSON says; None where it says nothing, and where it is none."""
    found = parse(text)
    return None if found is UNREADABLE else found


def positive(value: object) -> int | None:
    """Return a positive whole number, and None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def root_of(endpoint: Endpoint, *endings: str) -> str:
    """Return where an endpoint's own paths begin, from the host's root on.

    Args:
        endpoint: The endpoint; its address may end with the path of one of its interfaces.
        *endings: Paths of such interfaces, as `/v1`.
    """
    if endpoint.url.startswith("unix:"):
        return ""
    path = urlsplit(endpoint.url).path
    return next((path.removesuffix(each) for each in endings if path.endswith(each)), path)
