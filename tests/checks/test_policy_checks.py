"""What is said of retries, failover, limits and places is exact: it is said where it holds, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

ENDPOINTS = """\
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  there: {kind: openai, url: "http://127.0.0.1:8081/v1"}
  cloud: {kind: openai, url: "https://api.example.com/v1"}
"""
MODELS = "models: {small: {at: here}, large: {at: there}, remote: {at: cloud}}\n"
RULES = "rules: [{use: [small, large, remote]}]\n"


def whole(text: str) -> str:
    """A file with whatever the text leaves out."""
    parts = {"version:": "version: 1\n", "endpoints:": ENDPOINTS, "models:": MODELS, "rules:": RULES}
    return text + "".join(part for key, part in parts.items() if f"\n{key}" not in f"\n{text}")


def found(code: str, text: str, env: dict[str, str] | None = None):
    configuration = load_source(Source("x.yaml", whole(text)), Path("/nowhere"), env)
    return [each for each in run_all(configuration) if each.code == code]


def said(code: str, text: str):
    """Return where a finding is, as the text under its caret, for each."""
    lines = whole(text).split("\n")
    return [
        lines[each.span.line - 1][each.span.column - 1 : each.span.end_column - 1]
        for each in found(code, text)
    ]


def chain(**failover: list[str]) -> str:
    """Models with their failover."""
    models = ", ".join(
        f"{name}: {{at: here, failover: [{', '.join(others)}]}}" for name, others in failover.items()
    )
    return f"models: {{{models}}}\nrules: [{{use: [{', '.join(failover)}]}}]\n"


# R501


@pytest.mark.parametrize(
    ("models", "paths"),
    [
        ({"a": ["b"], "b": ["a"]}, ["a -> b -> a"]),
        ({"a": ["a"]}, ["a -> a"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b -> c -> b"]),
        ({"a": ["c"], "b": ["a"], "c": ["b"]}, ["a -> c -> b -> a"]),
        ({"z": ["b"], "a": ["b"], "b": ["a"]}, ["a -> b -> a"]),
        ({"a": ["b", "b"], "b": ["a"]}, ["a -> b -> a"]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}, ["a -> b -> a", "c -> d -> c"]),
        ({"a": ["b"], "b": ["a", "b"]}, ["a -> b -> a"]),
    ],
)
def test_each_circle_of_failover_is_told_with_its_path_from_its_first_model(models, paths):
    assert [each.message for each in found("R501", chain(**models))] == [
        f"failover goes in a circle: {path}" for path in paths
    ]


def test_a_circle_is_told_at_the_entry_of_its_first_model():
    (told,) = found("R501", chain(a=["c", "b"], b=["a"], c=[]))
    text = whole(chain(a=["c", "b"], b=["a"], c=[])).split("\n")[told.span.line - 1]
    assert text[: told.span.column - 1].endswith("failover: [c, ")
    assert [related.label for related in told.related] == ["and from here"]


@pytest.mark.parametrize(
    "models",
    [
        {"a": ["b", "c"], "b": ["c"], "c": []},
        {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []},
        {"a": ["b"], "b": ["zzzzzz", "a"]},  # what is not defined is the root
    ],
)
def test_failover_that_ends_is_no_circle(models):
    assert found("R501", chain(**models)) == []


def test_a_long_circle_is_shortened_and_many_are_not_all_told():
    ring = {f"m{number}": [f"m{(number + 1) % 12}"] for number in range(12)}
    (told,) = found("R501", chain(**ring))
    assert told.message.endswith("m6 -> ... 5 more ... -> m0")
    assert len(found("R501", chain(**{f"m{number}": [f"m{number}"] for number in range(50)}))) == 20


# R507


@pytest.mark.parametrize(
    ("retry", "where"),
    [
        ("{attempts: 1, same: 1}", ["same"]),
        ("{attempts: 1, backoff: {first: 1s}}", ["backoff"]),
        ("{attempts: 1, wait: 1s}", ["wait"]),
        ("{attempts: 1, same: 0, wait_alone: 1s}", ["wait_alone"]),
        ("{same: 0, backoff: {first: 1s}}", ["backoff"]),
        ("{backoff: {first: 300s, max: 300s}}", ["300s"]),
        ("{attempts: 1}", []),
        ("{attempts: 1, same: 0}", []),
        ("{attempts: 4, same: 0}", []),
        ("{attempts: 2, same: 5, wait: 1s}", []),
        ("{same: 1}", []),
        ("{backoff: {first: 200s, max: 300s}}", []),  # half of it fits
        ("{backoff: {first: 300s}}", []),  # no wait is longer than `max`, which is R514's
        ("{attempts: '${env:N}', same: 2}", []),  # nobody knows yet
        ("{attempts: 1, same: 1, wrong: 2}", []),
    ],
)
def test_a_retry_that_cannot_be_made_is_told(retry, where):
    assert said("R507", f"retry: {retry}\n") == where
    assert said("R507", f"rules: [{{use: [small, large, remote], retry: {retry}}}]\n") == where


def test_a_backoff_is_held_against_the_deadlines_of_the_calls_that_use_it():
    backoff = "retry: {backoff: {first: 20s, max: 30s}}\n"
    short = "rules: [{when: {task: code}, use: small, deadline: 10s}, {use: [small, large, remote]}]\n"
    own = "rules: [{use: [small, large, remote], deadline: 1s, retry: {same: 1}}]\n"
    assert said("R507", f"{backoff}{short}") == ["10s"]
    assert said("R507", f"{backoff}deadline: 10s\n{short}") == ["20s"]
    assert said("R507", f"{backoff}{own}") == []
    assert said("R507", f"{backoff}deadline: '${{env:D}}'\n") == []
    long = "rules: [{when: {task: code}, use: small}, {use: [small, large, remote], deadline: 60s}]\n"
    assert said("R507", f"{backoff}deadline: 10s\n{long}") == []  # it is of use to one of them


# R509


@pytest.mark.parametrize(
    ("offline", "where"),
    [
        ("{use: [remote]}", ["remote"]),
        ("{use: [small, {split: {large: 1, remote: 1}}]}", ["remote"]),
        ("{use: [small, large]}", []),
        ("{use: [small, others]}", []),
        ("{use: [remoter, small]}", []),  # that is R302
        ("{mode: only, use: [small]}", []),
        ("{mode: only, use: [others]}", []),
        ("{replies: [{say: no}]}", []),
    ],
)
def test_an_offline_model_without_a_local_place_is_told(offline, where):
    assert said("R509", f"offline: {offline}\n") == where


AWAY = "rules: [{when: {task: code}, use: remote}, {use: [small, large, remote]}]\n"


@pytest.mark.parametrize(
    ("offline", "count"),
    [
        ("{mode: only}", 1),
        ("{mode: only, replies: [{say: sorry}]}", 1),
        ("{mode: only, use: [small]}", 0),
        ("{mode: auto}", 0),
        ("{mode: '${env:MODE:-only}'}", 1),
        ("{mode: '${env:MODE}'}", 0),
    ],
)
def test_a_rule_that_nothing_may_answer_offline_is_told(offline, count):
    told = found("R509", f"offline: {offline}\n{AWAY}")
    assert [each.rules for each in told] == [("rules[1]",)] * count


def test_a_rule_that_must_not_degrade_is_not_saved_by_an_offline_model():
    rules = AWAY.replace("use: remote}", "use: remote, no_degrade: true}")
    (told,) = found("R509", f"offline: {{mode: only, use: [small]}}\n{rules}")
    assert told.help == "add a local model to the rule, or write `mode: auto`"


def test_where_a_variable_decides_nobody_knows_what_is_local():
    endpoints = 'endpoints: {e: {kind: openai, url: "${env:URL}"}}\nmodels: {m: {at: e}}\nrules: [{use: m}]\n'
    assert found("R509", f"{endpoints}offline: {{mode: only, use: [m]}}\n") == []
    known = {"URL": "https://api.example.com/v1"}
    assert len(found("R509", f"{endpoints}offline: {{mode: only, use: [m]}}\n", known)) == 2
    written = endpoints.replace("}}\nmodels", ", locality: '${env:WHERE}'}}\nmodels")
    assert found("R509", f"{written}offline: {{use: [m]}}\n") == []


# R510


@pytest.mark.parametrize(
    ("model", "options", "where"),
    [
        ("{at: here, context: 4096, options: {max_tokens: 4096}}", "", ["4096"]),
        ("{at: {here: {context: 4096}, there: {}}, options: {max_tokens: 5000}}", "", ["5000"]),
        ("{at: here, context: 4096}", "{max_tokens: 8000}", ["8000"]),
        ("{at: here, context: 4096, options: {max_tokens: 4095}}", "{max_tokens: 100}", []),
        ("{at: here, options: {max_tokens: 100000}}", "{max_tokens: 100000}", []),
        ("{at: {here: {context: 8192}}, context: 4096, options: {max_tokens: 5000}}", "", []),
        ("{at: here, context: '${env:C}', options: {max_tokens: 5000}}", "", []),
        ("{at: here, context: 4096, options: {max_tokens: '${env:M}'}}", "", []),
        ("{at: here, context: 4096, options: {max_tokens: '${env:M:-4096}'}}", "", ["'${env:M:-4096}'"]),
        ("{at: here, context: 40.96, options: {max_tokens: 4096}}", "", []),
    ],
)
def test_an_answer_that_leaves_no_room_for_a_prompt_is_told(model, options, where):
    options = f", options: {options}" if options else ""
    text = f"models: {{m: {model}}}\nrules: [{{use: m{options}}}]\n"
    assert said("R510", text) == where


def test_the_options_of_a_matrix_are_told_once_for_all_its_rows():
    text = """\
models: {small: {at: here, context: 1000}, large: {at: here, context: 9000}}
rules:
  - {name: table, matrix: [task, use], rows: [[code, small], [chat, [large, small]]], options: {max_tokens: 2000}}
  - {use: large}
"""
    (told,) = found("R510", text)
    assert told.rules == ("table[1]", "table[2]")
    assert told.message.startswith(
        "rule `table` allows answers of 2,000 tokens, and the context window of `small`"
    )


# R512


@pytest.mark.parametrize(
    ("endpoint", "where"),
    [
        ("timeout: 30s, load_timeout: 31s", ["31s"]),
        ("timeout: {first: 5s}, load_timeout: 31s", ["31s"]),
        ("load_timeout: 61s", ["61s"]),
        ("load_timeout: 60s", []),
        ("timeout: 30s", []),
        ("timeout: {first: 40s, total: 60s}, load_timeout: 40s", []),
        ("timeout: '${env:T}', load_timeout: 31s", []),
        ("load_timeout: '${env:T}'", []),
        ("timeout: 30, load_timeout: 31", ["31"]),
        ("timeout: soon, load_timeout: 31s", []),
    ],
)
def test_an_attempt_that_is_shorter_than_loading_is_told(endpoint, where):
    text = f'endpoints: {{here: {{kind: openai, url: "http://127.0.0.1:1", {endpoint}}}}}\n'
    assert said("R512", f"{text}models: {{m: {{at: here}}}}\nrules: [{{use: m}}]\n") == where


# R513


@pytest.mark.parametrize(
    ("model", "where"),
    [
        ("{at: {here: {weight: 2}, there: {weight: 3}}}", ["2"]),
        ("{at: {here: {}, there: {weight: 3}}, balance: fastest}", ["3"]),
        ("{at: {here: {weight: 2}}}", ["2"]),
        ("{at: {here: {weight: 2}}, balance: weighted}", ["weighted"]),
        ("{at: here, balance: fastest}", ["fastest"]),
        ("{at: here, balance: ordered}", []),
        ("{at: {here: {weight: 2}, there: {weight: 3}}, balance: weighted}", []),
        ("{at: [here, there], balance: least_busy}", []),
        ("{at: {here: {weight: 2}, there: {}}, balance: '${env:B}'}", []),
        ("{at: {here: {weight: two}, there: {}}}", []),
    ],
)
def test_weights_and_balances_that_decide_nothing_are_told(model, where):
    assert said("R513", f"models: {{m: {model}}}\nrules: [{{use: m}}]\n") == where


@pytest.mark.parametrize(
    ("use", "count"),
    [
        ("{split: {small: 1}}", 1),
        ("[large, {split: {small: 100}, by: user}]", 1),
        ("{split: {small: 1, large: 1}}", 0),
        ("{split: {small: 1, zzzzzz: 1}}", 0),
        ("{split: {small: 0, large: 1}}", 0),  # that is R205
    ],
)
def test_a_split_of_one_is_told(use, count):
    text = f"rules: [{{when: {{task: code}}, use: {use}}}, {{use: [small, large, remote]}}]\n"
    assert len(found("R513", text)) == count


# R514

ALONE = "models: {small: {at: here}}\n"


@pytest.mark.parametrize(
    ("rest", "where"),
    [
        (f"{ALONE}rules: [{{use: small}}]\n", ["failover"]),
        (f"{ALONE}rules: [{{use: [small, small]}}]\n", ["failover"]),
        ("models: {a: {at: here}, b: {at: here}}\nrules: [{use: {split: {a: 1, b: 1}}}]\n", ["failover"]),
        ("models: {a: {at: here}, b: {at: here}}\nrules: [{use: [{split: {a: 1, b: 1}}, a]}]\n", []),
        ("models: {a: {at: [here, there]}}\nrules: [{use: a}]\n", []),
        ("models: {a: {at: [here, there]}, b: {at: here}}\nrules: [{use: b}]\n", []),
        ("models: {a: {at: here, failover: [b]}, b: {at: here}}\nrules: [{use: a}]\n", []),
        ("models: {a: {at: here}, b: {at: here}}\nrules: [{use: a}]\noffline: {use: [b]}\n", []),
        (f"{ALONE}rules: [{{use: zzzzzz}}]\n", []),
        ("", []),
    ],
)
def test_failover_without_a_second_candidate_is_told(rest, where):
    assert said("R514", f"failover: {{also_on: [content_filtered]}}\n{rest}") == where


@pytest.mark.parametrize(
    ("failover", "where"),
    [
        ("{also_on: [rate_limited, content_filtered], never_on: [content_filtered]}", ["content_filtered"]),
        ("{also_on: [content_filtered], never_on: [rate_limited]}", []),
        ("{also_on: [content_filtered]}", []),
        ("{}", []),
        ("{also_on: ['${env:A}'], never_on: [authentication]}", []),
    ],
)
def test_a_kind_of_failure_that_is_to_move_on_and_not_to_is_told(failover, where):
    assert said("R514", f"failover: {failover}\n") == where


@pytest.mark.parametrize(
    ("rest", "where"),
    [
        ("hedge: {after: 2s}\n", []),
        ("hedge: {after: 120s}\n", ["120s"]),
        ("hedge: {after: 30s}\ndeadline: 30s\n", ["30s"]),
        ("hedge: {after: 30s}\ndeadline: 20s\nrules: [{use: [small, large, remote], deadline: 60s}]\n", []),
        ("hedge: {after: '${env:H}'}\ndeadline: 1s\n", []),
        ("hedge: {after: 120s}\ndeadline: '${env:H}'\n", []),
        ("hedge: {after: 2s}\nmodels: {a: {at: here}, b: {at: here}}\nrules: [{use: [a, b]}]\n", ["hedge"]),
        ("hedge: {after: 2s}\nmodels: {a: {at: [here, there]}}\nrules: [{use: a}]\n", []),
        ("hedge: {after: soon}\n", []),
        ("hedge: soon\n", []),
        ("hedge: '${env:H}'\n", []),
    ],
)
def test_a_hedge_that_never_acts_is_told(rest, where):
    assert said("R514", rest) == where


@pytest.mark.parametrize(
    ("models", "where"),
    [
        ("{a: {at: here}, b: {at: there, price: free}}", ["budgets"]),
        ("{a: {at: cloud, price: free}}", ["budgets"]),
        ("{a: {at: cloud, price: {input: $0, output: $0}}}", ["budgets"]),
        ("{a: {at: here}, b: {at: cloud}}", []),
        ("{a: {at: here, price: {input: $1, output: $1}}}", []),
        ("{a: {at: {here: {price: {input: $0, output: $2}}}, price: free}}", []),
        ("{a: {at: here, price: {per_hour: $1}}}", []),
        ("{a: {at: here, price: '${env:P}'}}", []),
    ],
)
def test_budgets_over_free_models_are_told(models, where):
    text = f"models: {models}\nrules: [{{use: a}}]\ncosts: {{budgets: [{{name: team, limit: $5}}]}}\n"
    assert said("R514", text) == where


def test_a_ledger_without_budgets_needs_no_price():
    assert found("R514", f"{ALONE}rules: [{{use: small}}]\ncosts: {{ledger: costs.sqlite}}\n") == []
    assert found("R514", "costs: 5\n") == []


def test_a_list_of_prices_may_make_a_model_cost_something():
    costs = "costs: {prices: prices.yaml, budgets: [{name: team, limit: $5}]}\n"
    assert found("R514", f"{ALONE}rules: [{{use: small}}]\n{costs}") == []


@pytest.mark.parametrize(
    ("replies", "where"),
    [
        ("[{say: a}, {contains: [b], say: c}]", ["{contains: [b], say: c}"]),
        ("[{contains: [x], say: y}, {say: a}, {say: b}, {say: c}]", ["{say: b}"]),
        ("[{contains: [b], say: c}, {say: a}]", []),
        ("[{contains: [b], say: c}]", []),
        ("[]", []),
        ("[{say: a}, {contains: [], say: c}]", []),
    ],
)
def test_a_reply_after_one_that_answers_everything_is_told(replies, where):
    assert said("R514", f"offline: {{replies: {replies}}}\n") == where


@pytest.mark.parametrize(
    ("stream", "where"),
    [
        ("{on_interrupt: restart}", ["restart"]),
        ("{delivery: live, on_interrupt: restart}", ["restart"]),
        ("{delivery: buffered, on_interrupt: restart}", []),
        ("{delivery: '${env:D}', on_interrupt: restart}", []),
        ("{delivery: live, on_interrupt: continue}", []),
        ("{delivery: live}", []),
    ],
)
def test_a_live_stream_that_is_to_begin_again_is_told(stream, where):
    assert said("R514", f"stream: {stream}\n") == where


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("retry: {wait: 121s}\n", ["121s"]),
        ("retry: {wait_alone: 90s}\ndeadline: 60s\n", ["90s"]),
        ("rules: [{use: [small, large, remote], deadline: 5s, retry: {wait: 6s}}]\n", ["6s"]),
        ("retry: {wait: 120s}\n", []),
        ("retry: {wait: 5s}\nrules: [{use: [small, large, remote], deadline: 1s}]\n", []),
        ("retry: {attempts: 1, wait: 121s}\n", []),
        ("retry: {same: 0, wait: 121s}\n", []),
        ("retry: {attempts: '${env:N}', wait: 121s}\n", []),
        ("retry: {wait: '${env:N}'}\ndeadline: 500ms\n", []),
        ("deadline: 2s\n", []),
    ],
)
def test_a_wait_longer_than_every_call_is_told_as_a_warning(text, where):
    assert said("R514", text) == where
    assert {each.severity for each in found("R514", text)} <= {"warning"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("breaker: {open: 30s, max_open: 10s}\n", ["30s"]),
        ("breaker: {open: 60s}\n", ["60s"]),
        ("breaker: {max_open: 2s}\n", []),
        ("breaker: {open: 30s, max_open: '${env:M}'}\n", []),
        ("breaker: off\n", []),
        ("retry: {backoff: {first: 9s}}\n", ["9s"]),
        ("retry: {backoff: {first: 9s, max: 9s}}\n", []),
        ("rules: [{use: [small, large, remote], retry: {backoff: {first: 3s, max: 2s}}}]\n", ["3s"]),
    ],
)
def test_a_first_step_above_its_own_cap_is_told(text, where):
    assert said("R514", text) == where


# R516


@pytest.mark.parametrize(
    ("kind", "options", "names"),
    [
        ("opencode", "{temperature: 0.1, top_p: 0.5}", "`temperature`, `top_p`"),
        ("anthropic", "{temperature: 0.1, seed: 3}", "`seed`"),
        ("anthropic", "{temperature: 0.1}", None),
        ("opencode", "{reasoning_effort: low}", None),
        ("ollama", "{seed: 3}", None),
        ("openai", "{seed: 3, temperature: 0.1, stop: x}", None),
    ],
)
def test_options_that_a_kind_cannot_send_are_told(kind, options, names):
    endpoint = f'endpoints: {{e: {{kind: {kind}, url: "http://127.0.0.1:1"}}}}\n'
    expected = [names] if names else []
    text = f"{endpoint}models: {{m: {{at: e, options: {options}}}}}\nrules: [{{use: m}}]\n"
    assert [each.message.split(" of ")[0] for each in found("R516", text)] == expected
    text = f"{endpoint}models: {{m: {{at: e}}}}\nrules: [{{use: m, options: {options}}}]\n"
    assert [each.message.split(" of ")[0] for each in found("R516", text)] == expected


MIXED = 'endpoints: {o: {kind: opencode, url: "http://127.0.0.1:1"}, e: {kind: openai, url: "http://127.0.0.1:2"}}\n'


@pytest.mark.parametrize(
    "rest",
    [
        "models: {m: {at: [o, e], options: {temperature: 0.1}}}\nrules: [{use: m}]\n",
        "models: {m: {at: o}, n: {at: e}}\nrules: [{use: [m, n], options: {seed: 1}}]\n",
        "models: {m: {at: o}, n: {at: e}}\nrules: [{use: [m, n]}]\ntemperatures: {default: 0.1}\n",
        "models: {m: {at: z, options: {temperature: 0.1}}}\nrules: [{use: m}]\n",
    ],
)
def test_an_option_that_some_endpoint_takes_is_no_finding(rest):
    assert found("R516", f"{MIXED}{rest}") == []


# R802


@pytest.mark.parametrize(
    ("endpoint", "models", "where"),
    [
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: a.gguf}}", ["2"]),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: x}}", ["2"]),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: x.gguf}}", ["2"]),
        ("kind: gguf, path: ./m.gguf, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: y}}", ["2"]),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: y}}", []),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: x, context: 9}}", []),
        ("kind: gguf, path: ./m, concurrency: 1", "{a: {at: e}}", []),
        ("kind: gguf, path: ./m", "{a: {at: e}}", []),
        ("kind: gguf, path: ./m, concurrency: '${env:N}'", "{a: {at: e}}", []),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: e, id: x}, b: {at: e, id: '${env:ID}'}}", []),
        ("kind: mock, concurrency: 9", "{a: {at: e}}", []),
        ("kind: openai, url: 'http://127.0.0.1:1', concurrency: 9", "{a: {at: e}}", []),
        ("kind: gguf, path: ./m, concurrency: 2", "{a: {at: zzzzz}}", []),
    ],
)
def test_more_calls_at_once_than_models_in_this_process_is_told(endpoint, models, where):
    assert said("R802", f"endpoints: {{e: {{{endpoint}}}}}\nmodels: {models}\nrules: [{{use: a}}]\n") == where


# R808


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (AWAY, ("rules[1]",)),
        (f"{AWAY}offline: {{replies: [{{say: sorry}}]}}\n", ("rules[1]",)),
        (f"{AWAY}offline: {{use: [small]}}\n", None),
        (f"{AWAY}offline: {{mode: only}}\n", None),  # that is R509
        (RULES, None),
        (AWAY.replace("use: remote}", "use: zzzzzz}"), None),
        (AWAY.replace("use: remote}", "use: remotes}"), None),  # which model is meant is a guess
    ],
)
def test_rules_that_nothing_answers_without_the_network_are_told_together(text, rules):
    told = found("R808", text)
    assert [each.rules for each in told] == ([rules] if rules else [])
    assert all(each.severity == "info" for each in told)


REMOTE = 'endpoints: {c: {kind: openai, url: "https://api.example.com/v1"}}\nmodels: {m: {at: c}}\nrules: [{use: m}]\n'


def test_a_file_that_is_remote_through_and_through_may_settle_it_with_an_offline_block():
    assert len(found("R808", REMOTE)) == 1
    assert found("R808", f"{REMOTE}offline: {{replies: [{{say: sorry}}]}}\n") == []
    assert found("R808", REMOTE.replace("https://api.example.com/v1", "${env:URL}")) == []


def test_a_rule_that_must_not_degrade_has_no_way_out_in_an_offline_model():
    rules = AWAY.replace("use: remote}", "use: remote, no_degrade: true}")
    assert len(found("R808", f"{rules}offline: {{use: [small]}}\n")) == 1


# R809

ONE = "rules: [{name: a, when: {task: code}, use: small}, {name: b, when: {task: chat}, use: large}, {use: [small, large, remote]}]\n"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (ONE, ("a", "b")),
        (f"{ONE}offline: {{use: [small]}}\n", ("a",)),
        (f"{ONE}offline: {{use: [remote]}}\n", None),
        (ONE.replace("use: large}", "use: {split: {small: 1, large: 1}}}"), ("a",)),
        (f"models: {{small: {{at: here}}, large: {{at: here}}, remote: {{at: here}}}}\n{ONE}", None),
        (RULES, None),
        (ONE.replace("use: large}", "use: zzzzzz}"), None),
        (ONE.replace("use: large}", "use: lage}"), None),
    ],
)
def test_rules_at_one_of_several_endpoints_are_told_together(text, rules):
    told = found("R809", text)
    assert [each.rules for each in told] == ([rules] if rules else [])
    assert all(each.severity == "info" for each in told)


def test_a_rule_that_must_not_degrade_has_its_own_endpoints_alone():
    rules = ONE.replace("use: small}", "use: small, no_degrade: true}")
    (told,) = found("R809", f"{rules}offline: {{use: [remote]}}\n")
    assert told.message == "rule `a` has one endpoint"


@pytest.mark.parametrize(
    "code", ["R501", "R507", "R509", "R510", "R512", "R513", "R514", "R516", "R802", "R808", "R809"]
)
def test_a_text_that_is_no_configuration_says_nothing_of_policy(code):
    assert [
        each for each in run_all(load_source(Source("x.yaml", "[]"), Path("/n"))) if each.code == code
    ] == []
