"""Which kind of failure an endpoint's refusal is, and what the refusal says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeGuard

from router.core.errors import (
    ContentFiltered,
    InvalidRequest,
    QuotaExhausted,
    ServerError,
    UnsupportedFeature,
    UpstreamRedirect,
)
from router.providers import _kinds
from router.providers._pushback import TOO_MANY, parse_retry_after
from router.providers._source import ID_CAP

if TYPE_CHECKING:
    from router.core.errors import AllAttemptsFailed
    from router.providers._kinds import Kind
    from router.providers._source import Source

CODE_FIELDS = ("code", "type", "error_code", "reason", "limit_source")
STATUS_FIELDS = ("code", "status", "statusCode", "status_code")
WORD_FIELDS = ("message", "detail", "msg", "error")
MODERATED = frozenset({"reasons", "flagged_input"})
FORBIDDEN = 403


def error_for_status(
    source: Source,
    status: int,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    has_image: bool = False,
) -> AllAttemptsFailed:
    """Return the error that an HTTP answer means.

    Args:
        source: Who answered.
        status: The HTTP status, 300 or more.
        headers: Header fields by lower-case name.
        body: What was read of the body.
        has_image: Whether the request carried an image, which llama.cpp refuses with a 500.
    """
    headers = headers or {}
    payload = _parse(body)
    layers = _layers(_details(payload))
    text = _message(layers) or body.decode("utf-8", "replace").strip()
    said = f": {source.quote(text)}" if text else ""
    error = _kind(status, layers, has_image=has_image)(
        f"{source.where} answered {status}{said}", retry_after=_wait(headers, layers, status), status=status
    )
    error.upstream_id = source.request_id(headers) or _id_inside(source, payload)
    if headers.get("x-should-retry", "").strip().lower() == "false":
        error.retryable = False
        error.retry_after = None
    return error


def error_in_answer(source: Source, payload: object, *, has_image: bool = False) -> AllAttemptsFailed:
    """Return the error that an `error` object inside a 200 answer means.

    Args:
        source: Who answered.
        payload: The value of `error`: an object, or a bare text.
        has_image: Whether the request carried an image.
    """
    layers = _layers(payload if _is_object(payload) else {"message": payload})
    status = _status(layers[0])
    text = _message(layers) or "no reason given"
    return _kind(status, layers, has_image=has_image)(
        f"{source.where} failed inside its answer: {source.quote(text)}",
        retry_after=_wait({}, layers, status),
        status=status,
    )


def _kind(status: int | None, layers: list[Mapping[str, object]], *, has_image: bool) -> Kind:
    codes = [code for layer in layers for code in _codes(layer)]
    for code in codes:
        if code in _kinds.BY_CODE:
            return _kinds.BY_CODE[code]
    kind = _kind_by_words(status, layers, has_image=has_image)
    if kind is not None:
        return kind
    if status is None:
        kinds = [_kinds.BY_GENERAL_CODE[code] for code in codes if code in _kinds.BY_GENERAL_CODE]
        return next(
            (each for each in kinds if each is not InvalidRequest), kinds[0] if kinds else ServerError
        )
    if status in _kinds.BY_STATUS:
        return _kinds.BY_STATUS[status]
    if status < 400:  # noqa: PLR2004
        return UpstreamRedirect
    return InvalidRequest if status < 500 else ServerError  # noqa: PLR2004


def _kind_by_words(status: int | None, layers: list[Mapping[str, object]], *, has_image: bool) -> Kind | None:
    """Return the kind of the few failures that no code tells."""
    for layer in layers:
        if status == FORBIDDEN and layer.keys() & MODERATED:
            return ContentFiltered
        text = _words(layer)
        for kind, statuses, words in _kinds.BY_WORDS:
            if status in statuses and words.search(text):
                return kind
        if has_image and _kinds.IMAGE.search(text):
            return UnsupportedFeature
        # Google writes the same text for a limit per minute, and marks it with a word as `status`.
        if status == TOO_MANY and _kinds.QUOTA.search(text) and not isinstance(layer.get("status"), str):
            return QuotaExhausted
    return None


def _layers(details: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return an error object and the objects inside it that tell more: never its text, never deeper than two."""
    inner, metadata = details.get("details"), details.get("metadata")
    listed = inner if isinstance(inner, list) else [inner]
    parts = (*listed[:20], details.get("innererror"), metadata)
    found = [details, *filter(_is_object, parts)]
    if _is_object(metadata) and isinstance(metadata.get("raw"), str):  # OpenRouter hands on what it was told
        raw = str(metadata["raw"])
        found.append(_details(_parse(raw.encode("utf-8", "replace"))) or {"message": raw})
    return found


def _codes(layer: Mapping[str, object]) -> Iterator[str]:
    for name in CODE_FIELDS:
        value = layer.get(name)
        if isinstance(value, str):
            yield value.lower()


def _status(layer: Mapping[str, object]) -> int | None:
    """Return the HTTP status that an error object names, as a number or as text."""
    for name in STATUS_FIELDS:
        value = layer.get(name)
        if isinstance(value, str) and len(value) == 3 and value.isdecimal():  # noqa: PLR2004
            value = int(value)
        if isinstance(value, int) and 400 <= value <= 599:  # noqa: PLR2004
            return value
    return None


def _wait(headers: Mapping[str, str], layers: list[Mapping[str, object]], status: int | None) -> float | None:
    found = parse_retry_after(headers, status or 0)
    for layer in layers if found is None else ():
        inside = layer.get("headers")  # OpenRouter puts those of a free model's limit into the body
        if _is_object(inside):
            fields = {str(name).lower(): str(value) for name, value in inside.items()}
            found = parse_retry_after({"date": headers.get("date", ""), **fields}, status or 0)
    return found


def _id_inside(source: Source, payload: object) -> str | None:
    value = payload.get("request_id") if _is_object(payload) else None
    return source.quote(value, ID_CAP) or None if isinstance(value, str) else None


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _details(payload: object) -> Mapping[str, object]:
    """Return the error object of a body, which servers nest in `error`, in a list, or not at all."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not _is_object(payload):
        return {}
    inner = payload.get("error")
    if _is_object(inner):
        return inner
    return {**payload, "message": inner} if isinstance(inner, str) else payload


def _message(layers: list[Mapping[str, object]]) -> str:
    """Return the words of an error; where the outer ones say little, the inner ones follow."""
    texts = [text for text in map(_words, layers) if text]
    return ": ".join(dict.fromkeys(texts[:2]))


def _words(layer: Mapping[str, object]) -> str:
    """Return the words of one object: a text, or what FastAPI and Mistral list."""
    value: object = next((layer[name] for name in WORD_FIELDS if layer.get(name)), "")
    if _is_object(value):
        value = value.get("detail") or value.get("message")
    if isinstance(value, list):
        value = "; ".join(str(item["msg"]) for item in value[:5] if _is_object(item) and "msg" in item)
    return value if isinstance(value, str) else ""


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)
