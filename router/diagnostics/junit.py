"""Findings as test results: GitLab, Jenkins and others show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.diagnostics.source import masked

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from router.diagnostics.diagnostic import Diagnostic

# What XML 1.0 leaves out of its characters, escaped or not.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)


def junit(findings: Sequence[Diagnostic], files: Sequence[str], failing: Container[str]) -> str:
    """Return one suite for each file and one failed case for each finding that counts.

    Args:
        findings: What was found.
        files: The names of the files checked; one without failures gets a passed case.
        failing: The severities that count.
    """
    failed = [found for found in findings if found.severity in failing]
    names = list(dict.fromkeys((*files, *(found.span.file for found in failed))))
    suites = [_suite(name, [found for found in failed if found.span.file == name]) for name in names]
    total = sum(max(1, sum(found.span.file == name for found in failed)) for name in names)
    head = f'<testsuites name="router check" tests="{total}" failures="{len(failed)}" errors="0">'
    return "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""))


def _suite(name: str, failed: Sequence[Diagnostic]) -> str:
    tests = max(1, len(failed))
    head = f'<testsuite name="{_xml(name)}" tests="{tests}" failures="{len(failed)}" errors="0" skipped="0">'
    passed = [f'<testcase name="router check" classname="{_xml(name)}" file="{_xml(name)}"/>']
    cases = [_case(found) for found in failed] or passed
    return "\n".join((f"  {head}", *(f"    {case}" for case in cases), "  </testsuite>"))


def _case(found: Diagnostic) -> str:
    span = found.span
    place = f'classname="{_xml(span.file)}" file="{_xml(span.file)}" line="{span.line}"'
    title = f"{found.code} {found.name} at {span.line}:{span.column}"
    failure = f'message="{_xml(found.message)}" type="{_xml(found.severity)}"'
    text = _xml("\n".join(_lines(found)))
    return f'<testcase name="{_xml(title)}" {place}><failure {failure}>{text}</failure></testcase>'


def _lines(found: Diagnostic) -> Iterator[str]:
    yield f"{found.span}: {found.message}"
    if found.label:
        yield found.label
    for other in found.related:
        yield f"{other.span}: {other.label}"
    yield from found.notes
    if found.help:
        yield f"help: {found.help}"


def _xml(text: str) -> str:
    """Return a text as XML 1.0 may hold it, in an attribute as well."""
    return _ILLEGAL.sub("", masked(text)).translate(_ESCAPES)
