"""Writes calls to the log: one line each, without prompts, answers, keys and the names of callers."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Literal

from router.core.observer import Observer
from router.observers.content import CONTENTS, caller, cut, said
from router.observers.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord
    from router.core.secret import Secret
    from router.policy.calllog import Content

Form = Literal["json", "pairs"]
FORMS = ("json", "pairs")
_BARE = re.compile(r"[!#-<>-~]+\Z")  # printable ASCII without blanks, quotes and `=`


class LogObserver(Observer):
    """Writes calls at INFO, attempts at DEBUG, and what happens beside them at WARNING.

    Args:
        logger: Where to write; the logger `router.calls` by default.
        form: `json`, or `pairs` for `name=value`. Either way a line is one line: what is no printable ASCII is
            escaped.
        content: What is written of prompts and answers: nothing, a `hash` that tells equal ones, the first 200
            characters (`truncated`), or all of it (`full`). Who called is written as a hash, unless it is `full`.

    Raises:
        ValueError: `form` or `content` is none of these.
    """

    def __init__(
        self, logger: logging.Logger | None = None, *, form: Form = "json", content: Content = "none"
    ) -> None:
        if form not in FORMS:
            raise ValueError(f"`form` is {form!r}; it must be one of {', '.join(FORMS)}")
        if content not in CONTENTS:
            raise ValueError(f"`content` is {content!r}; it must be one of {', '.join(CONTENTS)}")
        self._logger = logger or logging.getLogger("router.calls")
        self._written = as_json if form == "json" else as_pairs
        self._content = content
        self.redaction = Redaction()

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Take in the keys of the configuration; see `router.core.observer.Confidant`."""
        self.redaction.conceal(secrets)

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:
        """Write a line at DEBUG."""
        if self._logger.isEnabledFor(logging.DEBUG):
            fields = {"event": "attempt", "request_id": request_id, **_of_attempt(record)}
            self._write(logging.DEBUG, fields)

    def call_ended(self, record: CallRecord) -> None:
        """Write a line at INFO."""
        if self._logger.isEnabledFor(logging.INFO):
            user = caller(record.user, self._content, self.redaction)
            fields = {
                "event": "call",
                **_of_call(record, user),
                **said(record, self._content, self.redaction),
            }
            if record.error is not None:
                fields["error"] = cut(str(record.error) or type(record.error).__name__, self.redaction)
            self._write(logging.INFO, fields)

    def noticed(self, notice: Notice) -> None:
        """Write a line at WARNING."""
        fields: dict[str, object] = {"event": notice.what, "subject": notice.subject, "state": notice.state}
        self._write(logging.WARNING, {**fields, "detail": notice.detail or None})

    def _write(self, level: int, fields: Mapping[str, object]) -> None:
        known = {name: value for name, value in fields.items() if value is not None}
        self._logger.log(level, "%s", self._written(self.redaction.fields(known)))


def as_json(fields: Mapping[str, object]) -> str:
    """Return a line of JSON in ASCII."""
    return json.dumps(fields)


def as_pairs(fields: Mapping[str, object]) -> str:
    """Return `name=value name="a value"` in ASCII; values that are no plain words stand as JSON."""
    return " ".join(f"{_bare(name)}={_bare(value)}" for name, value in fields.items())


def _bare(value: object) -> str:
    if isinstance(value, str) and _BARE.match(value):
        return value
    return json.dumps(value)


def _of_attempt(record: AttemptRecord) -> dict[str, object]:
    usage = record.usage
    return {
        "model": record.model,
        "endpoint": record.endpoint,
        "outcome": record.outcome,
        "status": record.status,
        "ms": round(record.ms, 1),
        "at_ms": round(record.at_ms, 1),
        "first_ms": _rounded(record.first_ms),
        "input_tokens": usage.input_tokens if usage is not None else None,
        "output_tokens": usage.output_tokens if usage is not None else None,
        "cost": None if record.cost is None else str(record.cost),
        "upstream_id": record.upstream_id,
    }


def _of_call(record: CallRecord, user: str | None) -> dict[str, object]:
    usage = record.usage
    return {
        "request_id": record.request_id,
        "rule": record.rule,
        "model": record.model,
        "endpoint": record.endpoint,
        "outcome": record.outcome,
        "ms": round(record.ms, 1),
        "first_ms": _rounded(record.first_ms),
        "attempts": len(record.attempts),
        "input_tokens": usage.input_tokens if usage is not None else None,
        "output_tokens": usage.output_tokens if usage is not None else None,
        "cost": None if record.cost is None else str(record.cost),
        "stream": record.stream,
        "cached": record.cached or None,
        "degraded": record.degraded,
        "user": user,
        "tags": dict(record.tags) or None,
        "dimensions": dict(record.dimensions) or None,
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
