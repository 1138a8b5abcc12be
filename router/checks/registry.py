"""Every check, in the order of the codes; one is imported only for a file that it may find something in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from router.config.locality import locality_of
from router.config.node import Mapping, Sequence, paths
from router.diagnostics.diagnostic import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.checks.base import Check
    from router.config.load import Configuration
    from router.config.node import Node
    from router.config.suppress import Suppressions
    from router.diagnostics.diagnostic import Diagnostic, Severity

    ALL: tuple[Check, ...]

# The module of each check, and what it looks at. In a file that has none of that it finds nothing, unless something is
# wrong there already. A word is a key that is written anywhere, a kind of endpoint, or a fact of `_facts`.
LOOKS_AT = {
    "unreadable_file": "",
    "yaml_syntax": "",
    "duplicate_key": "",
    "tab_indent": "",
    "ambiguous_scalar": "",
    "alias_bomb": "",
    "multi_document": "",
    "not_a_router_file": "",
    "forbidden_tag": "",
    "merge_key": "",
    "not_a_number": "",
    "key_type": "",
    "bad_encoding": "",
    "too_large": "",
    "empty_file": "",
    "unknown_key": "",
    "missing_key": "",
    "wrong_type": "",
    "not_allowed_value": "",
    "out_of_range": "",
    "missing_unit": "",
    "exclusive_keys": "transport",
    "unsupported_version": "",
    "misplaced_key": "",
    "not_supported_yet": "",
    "bad_name": "",
    "bad_header": "",
    "bad_reference": "",
    "bad_pattern": "",
    "undefined_endpoint": "",
    "undefined_model": "",
    "unknown_dimension": "",
    "unknown_value": "",
    "undefined_variable": "+variables",
    "missing_file": "",
    "unused_endpoint": "+any",
    "unused_model": "+any",
    "duplicate_name": "",
    "condition_type": "",
    "unknown_processor": "",
    "bad_price_file": "prices",
    "bad_speed_file": "speeds",
    "unreachable_rule": "+rules",
    "redundant_rule": "+rules",
    "conflicting_overlap": "+rules",
    "gap": "+rules",
    "off_by_one_gap": "+rules",
    "impossible_condition": "+rules",
    "always_true_condition": "+rules",
    "catch_all_not_last": "+rules",
    "duplicate_rule": "+rules",
    "overlap_under_unique": "+rules",
    "analysis_incomplete": "+rules",
    "invariant_broken": "invariants",
    "failover_cycle": "failover",
    "failover_repeats": "+candidates",
    "candidate_out_of_time": "+candidates deadline min_left",
    "failover_smaller_context": "+rules",
    "capability_missing": "+rules capabilities",
    "retry_cannot_help": "retry",
    "offline_not_local": "offline",
    "output_over_context": "max_tokens family",
    "timeout_nesting": "timeout deadline min_left",
    "timeout_below_load": "load_timeout",
    "dead_weight": "balance weight split",
    "no_effect": "failover hedge costs offline stream speeds api_version truncate retry breaker",
    "context_below_rule": "+rules",
    "option_ignored": "options",
    "shadowed_value": "id context price clamp",
    "plaintext_secret": "",
    "cleartext_remote": "key keys headers",
    "tls_verify_off": "verify",
    "credentials_in_url": "",
    "private_leak": "dimensions",
    "prompt_logging": "log",
    "cache_across_tenants": "separate",
    "secret_in_plain_field": "",
    "forbidden_address": "url proxy",
    "secret_file": "",
    "cloud_as_local": "ollama",
    "no_price": "costs",
    "budget_without_price": "budgets",
    "price_unit_suspect": "price",
    "dearer_failover": "+remote",
    "call_over_cap": "budgets",
    "model_over_memory": "memory",
    "concurrency_over_slots": "concurrency",
    "duplicate_endpoint": "+endpoints",
    "no_health_check": "health",
    "cache_of_chance": "cache",
    "no_local_way_out": "+remote",
    "single_point": "+endpoints",
    "call_in_url": "url",
    "memory_no_effect": "memory when_full strategy max_wait idle_unload pin evict_cost preload machine",
    "memory_overcommitted": "memory",
    "endpoint_over_machine": "machine",
    "memory_unknown": "memory",
    "wait_in_vain": "when_full",
    "untested_rule": "+tests",
    "test_unknown_rule": "",
    "duplicate_test": "+tests",
    "unused_suppression": "+comments",
    "expectation_empty": "+tests",
}
# What the others have left unused is known when all of them have run.
LAST = "unused_suppression"
SUPPRESSION = "ignore"


def __getattr__(name: str) -> object:
    """Import every check when `ALL` is first asked for."""
    if name != "ALL":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = tuple(map(_check, LOOKS_AT))
    return found


def _check(module: str) -> Check:
    found: Check = import_module(f"router.checks.{module}").CHECK
    return found


def run_all(configuration: Configuration) -> list[Diagnostic]:
    """Return every finding of every check, the most important first, but those that comments suppress."""
    comments = _comments(configuration)
    lint = _lint(configuration)
    wrong, facts = bool(configuration.problems), set(_facts(configuration, comments))
    found = []
    for module in sorted(LOOKS_AT, key=lambda each: each == LAST):
        if not wrong and facts.isdisjoint(LOOKS_AT[module].split()):
            continue
        check = _check(module)
        asked = lint.get(check.code)
        if asked == "off" or (check.asked and asked is None):
            continue
        for finding in check.run(configuration):
            diagnostic = finding.diagnostic(check, "", asked)
            if comments is None or not comments.take(check.code, diagnostic.severity, finding.span):
                found.append(diagnostic)
    where = paths(configuration.root) if found and configuration.root is not None else {}
    return in_order(each.with_path(where.get(each.span, "")) for each in found)


def _comments(configuration: Configuration) -> Suppressions | None:
    """Return the comments that suppress findings; None where there is none, or no YAML to find them in."""
    known = configuration.document is not None or configuration.tests is not None
    sources = configuration.sources.values()
    if not known or not any(SUPPRESSION in source.text for source in sources):
        return None
    from router.config.suppress import Suppressions, suppressions  # noqa: PLC0415 - most files have none

    configuration.worked_out[Suppressions] = comments = suppressions(*sources)
    return comments


def _facts(configuration: Configuration, comments: Suppressions | None) -> Iterator[str]:
    """Yield what there is in a file, in the words of `LOOKS_AT`."""
    yield "+any"
    yield from _keys(configuration.root)
    told = {
        "+comments": comments is not None,
        "+tests": configuration.tests is not None or bool(configuration.beside),
        "+variables": bool(configuration.variables),
    }
    document, linked = configuration.document, configuration.linked
    if document is not None:
        endpoints = document.endpoints.values()
        yield from (each.kind for each in endpoints)
        told |= {
            "+remote": any(locality_of(each) != "local" for each in endpoints),
            "+endpoints": len(endpoints) > 1,
            # More than one, of whatever model a rule may use and wherever it may be.
            "+candidates": len(document.models) > 1
            or any(len(places) > 1 for places in linked.places.values())
            or any(len(rule.use) > 1 for rule in linked.rules),
            # More than one that takes every call.
            "+rules": len(linked.rules) > 1 or any(rule.accepted for rule in linked.rules),
        }
    yield from (word for word, holds in told.items() if holds)


def _keys(node: Node | None) -> Iterator[str]:
    """Yield the keys of every mapping in a value."""
    if isinstance(node, Mapping):
        yield from node.entries
        for value in node.entries.values():
            yield from _keys(value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _keys(item)


def _lint(configuration: Configuration) -> dict[str, Severity | Literal["off"]]:
    """Return how bad findings are where the file says it; of tests, where what they are about says it."""
    about = configuration if configuration.tests is None else configuration.tests.tested
    return (about.document.lint or {}) if about is not None and about.document is not None else {}
