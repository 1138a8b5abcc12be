"""Every check, in the order of the codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.checks import (
    alias_bomb,
    always_true_condition,
    ambiguous_scalar,
    analysis_incomplete,
    bad_encoding,
    bad_header,
    bad_name,
    bad_reference,
    budget_without_price,
    cache_across_tenants,
    cache_of_chance,
    call_in_url,
    call_over_cap,
    candidate_out_of_time,
    capability_missing,
    catch_all_not_last,
    cleartext_remote,
    concurrency_over_slots,
    condition_type,
    conflicting_overlap,
    context_below_rule,
    credentials_in_url,
    dead_weight,
    dearer_failover,
    duplicate_endpoint,
    duplicate_key,
    duplicate_name,
    duplicate_rule,
    duplicate_test,
    empty_file,
    exclusive_keys,
    expectation_empty,
    failover_cycle,
    failover_repeats,
    failover_smaller_context,
    forbidden_address,
    forbidden_tag,
    gap,
    impossible_condition,
    invariant_broken,
    key_type,
    merge_key,
    misplaced_key,
    missing_file,
    missing_key,
    missing_unit,
    model_over_memory,
    multi_document,
    no_effect,
    no_health_check,
    no_local_way_out,
    no_price,
    not_a_number,
    not_a_router_file,
    not_allowed_value,
    not_supported_yet,
    off_by_one_gap,
    offline_not_local,
    option_ignored,
    out_of_range,
    output_over_context,
    overlap_under_unique,
    plaintext_secret,
    price_unit_suspect,
    private_leak,
    prompt_logging,
    redundant_rule,
    retry_cannot_help,
    secret_file,
    secret_in_plain_field,
    shadowed_value,
    single_point,
    tab_indent,
    test_unknown_rule,
    timeout_below_load,
    timeout_nesting,
    tls_verify_off,
    too_large,
    undefined_endpoint,
    undefined_model,
    undefined_variable,
    unknown_dimension,
    unknown_key,
    unknown_processor,
    unknown_value,
    unreachable_rule,
    unreadable_file,
    unsupported_version,
    untested_rule,
    unused_endpoint,
    unused_model,
    unused_suppression,
    wrong_type,
    yaml_syntax,
)
from router.config.node import paths
from router.config.suppress import Suppressions, suppressions
from router.diagnostics.diagnostic import in_order

if TYPE_CHECKING:
    from router.checks.base import Check
    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Diagnostic, Severity

ALL: tuple[Check, ...] = (
    unreadable_file.CHECK,
    yaml_syntax.CHECK,
    duplicate_key.CHECK,
    tab_indent.CHECK,
    ambiguous_scalar.CHECK,
    alias_bomb.CHECK,
    multi_document.CHECK,
    not_a_router_file.CHECK,
    forbidden_tag.CHECK,
    merge_key.CHECK,
    not_a_number.CHECK,
    key_type.CHECK,
    bad_encoding.CHECK,
    too_large.CHECK,
    empty_file.CHECK,
    unknown_key.CHECK,
    missing_key.CHECK,
    wrong_type.CHECK,
    not_allowed_value.CHECK,
    out_of_range.CHECK,
    missing_unit.CHECK,
    exclusive_keys.CHECK,
    unsupported_version.CHECK,
    misplaced_key.CHECK,
    not_supported_yet.CHECK,
    bad_name.CHECK,
    bad_header.CHECK,
    bad_reference.CHECK,
    undefined_endpoint.CHECK,
    undefined_model.CHECK,
    unknown_dimension.CHECK,
    unknown_value.CHECK,
    undefined_variable.CHECK,
    missing_file.CHECK,
    unused_endpoint.CHECK,
    unused_model.CHECK,
    duplicate_name.CHECK,
    condition_type.CHECK,
    unknown_processor.CHECK,
    unreachable_rule.CHECK,
    redundant_rule.CHECK,
    conflicting_overlap.CHECK,
    gap.CHECK,
    off_by_one_gap.CHECK,
    impossible_condition.CHECK,
    always_true_condition.CHECK,
    catch_all_not_last.CHECK,
    duplicate_rule.CHECK,
    overlap_under_unique.CHECK,
    analysis_incomplete.CHECK,
    invariant_broken.CHECK,
    failover_cycle.CHECK,
    failover_repeats.CHECK,
    candidate_out_of_time.CHECK,
    failover_smaller_context.CHECK,
    capability_missing.CHECK,
    retry_cannot_help.CHECK,
    offline_not_local.CHECK,
    output_over_context.CHECK,
    timeout_nesting.CHECK,
    timeout_below_load.CHECK,
    dead_weight.CHECK,
    no_effect.CHECK,
    context_below_rule.CHECK,
    option_ignored.CHECK,
    shadowed_value.CHECK,
    plaintext_secret.CHECK,
    cleartext_remote.CHECK,
    tls_verify_off.CHECK,
    credentials_in_url.CHECK,
    private_leak.CHECK,
    prompt_logging.CHECK,
    cache_across_tenants.CHECK,
    secret_in_plain_field.CHECK,
    forbidden_address.CHECK,
    secret_file.CHECK,
    no_price.CHECK,
    budget_without_price.CHECK,
    price_unit_suspect.CHECK,
    dearer_failover.CHECK,
    call_over_cap.CHECK,
    model_over_memory.CHECK,
    concurrency_over_slots.CHECK,
    duplicate_endpoint.CHECK,
    no_health_check.CHECK,
    cache_of_chance.CHECK,
    no_local_way_out.CHECK,
    single_point.CHECK,
    call_in_url.CHECK,
    untested_rule.CHECK,
    test_unknown_rule.CHECK,
    duplicate_test.CHECK,
    unused_suppression.CHECK,
    expectation_empty.CHECK,
)


def run_all(configuration: Configuration) -> list[Diagnostic]:
    """Return every finding of every check, the most important first, but those that comments suppress."""
    known = configuration.document is not None or configuration.tests is not None
    comments = suppressions(*configuration.sources.values()) if known else None
    if comments is not None:
        configuration.worked_out[Suppressions] = comments
    lint = _lint(configuration)
    found = []
    # What is reported last is what the others have left unused, whatever its code.
    for check in sorted(ALL, key=lambda each: each is unused_suppression.CHECK):
        asked = lint.get(check.code)
        if asked == "off" or (check.asked and asked is None):
            continue
        for finding in check.run(configuration):
            diagnostic = finding.diagnostic(check, "", asked)
            if comments is None or not comments.take(check.code, diagnostic.severity, finding.span):
                found.append(diagnostic)
    where = paths(configuration.root) if found and configuration.root is not None else {}
    return in_order(each.with_path(where.get(each.span, "")) for each in found)


def _lint(configuration: Configuration) -> dict[str, Severity | Literal["off"]]:
    """Return how bad findings are where the file says it; of tests, where what they are about says it."""
    about = configuration if configuration.tests is None else configuration.tests.tested
    return (about.document.lint or {}) if about is not None and about.document is not None else {}
