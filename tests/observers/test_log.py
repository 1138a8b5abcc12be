"""Calls in the log: one line each, and nothing in it that should not be."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest

from router import (
    AttemptRecord,
    CallFailed,
    CallRecord,
    Completion,
    Message,
    Notice,
    ToolCall,
    Usage,
    load_router,
)
from router.core.secret import Secret
from router.observers import LogObserver, Redaction
from router.observers.callline import line as written
from router.testing import ScriptedProvider, run_virtual

FILE = """\
version: 1
endpoints:
  a: {kind: openai, url: "https://a.example/v1", key: "${env:KEY}", headers: {x-more: "${env:MORE}"}}
models: {m: {at: a, price: {input: $1, output: $2}}}
rules: [{name: all, use: m}]
"""
KEY, MORE = "the-first-secret-value", "Bearer the-second-secret"


@pytest.fixture
def logger(request):
    found = logging.getLogger(f"test.{request.node.name}")
    found.setLevel(logging.DEBUG)
    return found


@pytest.fixture
def lines(caplog, logger):
    return lambda level=None: [
        record.getMessage()
        for record in caplog.records
        if record.name == logger.name and level in (None, record.levelno)
    ]


def ask(tmp_path, observer, *script, prompt="a private prompt", **options):
    file = tmp_path / "router.yaml"
    file.write_text(FILE, encoding="utf-8")
    provider = ScriptedProvider(*(script or ({"say": "a private answer"},)))

    async def go():
        env = {"KEY": KEY, "MORE": MORE}
        async with load_router(file, env=env, providers={"a": provider}, observers=[observer]) as router:
            return await router.complete(prompt, **options)

    return run_virtual(go())


def record(**fields):
    return CallRecord("id-1", 1.0, "all", {"task": "chat"}, "m", "a", "ok", 12.345, **fields)


def test_a_call_is_one_line_at_info_and_its_attempts_are_lines_at_debug(tmp_path, logger, lines):
    answer = ask(tmp_path, LogObserver(logger), 500, "ok", user="u1", tags={"job": 7})
    (call,) = (json.loads(line) for line in lines(logging.INFO))
    assert (call["event"], call["request_id"], call["outcome"]) == ("call", answer.request_id, "ok")
    assert (call["rule"], call["model"], call["endpoint"], call["attempts"]) == ("all", "m", "a", 2)
    assert call["tags"] == {"job": 7}
    assert call["input_tokens"] == answer.usage.input_tokens
    assert Decimal(call["cost"]) == answer.cost
    attempts = [json.loads(line) for line in lines(logging.DEBUG)]
    assert [(each["outcome"], each.get("status")) for each in attempts] == [
        ("server_error", 500),
        ("ok", None),
    ]
    assert {each["request_id"] for each in attempts} == {answer.request_id}


def test_a_notice_is_a_line_at_warning(logger, lines):
    LogObserver(logger).noticed(Notice("breaker", "host x", "open", "three failures"))
    (line,) = lines(logging.WARNING)
    assert json.loads(line) == {
        "event": "breaker",
        "subject": "host x",
        "state": "open",
        "detail": "three failures",
    }


def test_nothing_is_put_together_for_a_level_that_is_not_written(logger, lines):
    logger.setLevel(logging.ERROR)
    observer = LogObserver(logger)
    observer.call_ended(record())
    observer.attempt_ended("id", AttemptRecord("m", "a", "ok", 1.0))
    assert lines() == []


def test_prompts_and_answers_are_not_written_by_default(tmp_path, logger, lines):
    ask(tmp_path, LogObserver(logger))
    assert lines()
    assert "private" not in "".join(lines())


def test_who_called_is_a_hash_that_tells_equal_ones_unless_all_is_wanted(logger, lines):
    for content in ("none", "hash", "truncated"):
        for user in ("anna@example.org", "anna@example.org", "bob"):
            LogObserver(logger, content=content).call_ended(record(user=user))
        one, same, other = (json.loads(line)["user"] for line in lines()[-3:])
        assert one == same != other
        assert len(one) == 16
    assert "anna" not in "".join(lines())
    LogObserver(logger, content="full").call_ended(record(user="anna@example.org"))
    LogObserver(logger, content="full").call_ended(record())
    named, nobody = (json.loads(line) for line in lines()[-2:])
    assert (named["user"], "user" in nobody) == ("anna@example.org", False)


def test_who_called_is_the_same_in_the_log_and_in_the_file_of_calls(logger, lines):
    found = record(user="anna")
    LogObserver(logger).call_ended(found)
    assert json.loads(lines()[0])["user"] == json.loads(written(found, "none", Redaction()))["user"]


def test_content_is_written_as_a_hash_in_part_or_in_full_if_wanted(logger, lines):
    long = "word " * 100
    answer = Completion("assistant", "short", tool_calls=(ToolCall("1", "look", '{"at": 1}'),))
    written = []
    for content in ("hash", "truncated", "full"):
        LogObserver(logger, content=content).call_ended(
            record(messages=(Message.system("be brief"), Message.user(long)), completion=answer)
        )
        written.append(json.loads(lines()[-1]))
    hashed, cut, full = written
    assert len(hashed["prompt"]) == 16
    assert hashed["prompt"] != hashed["answer"]
    assert cut["prompt"] == f"system: be brief\nuser: {long}"[:200] + "..."
    assert cut["answer"] == full["answer"] == 'assistant: short look({"at": 1})'
    assert full["prompt"] == f"system: be brief\nuser: {long}"


def test_equal_prompts_have_equal_hashes(logger, lines):
    observer = LogObserver(logger, content="hash")
    for text in ("one", "one", "two"):
        observer.call_ended(record(messages=(Message.user(text),)))
    one, same, other = (json.loads(line)["prompt"] for line in lines())
    assert one == same != other
    assert "answer" not in json.loads(lines()[0])


def test_keys_of_the_file_are_never_written(tmp_path, logger, lines):
    prompt = f"my key is {KEY}, and {MORE}, and the-second-secret"
    tags = {KEY: [KEY, {"deep": MORE}]}
    ask(tmp_path, LogObserver(logger, content="full"), {"say": KEY}, prompt=prompt, user=KEY, tags=tags)
    text = "".join(lines())
    assert "my key is ***" in text
    assert "secret" not in text


def test_a_failed_calls_error_is_written_without_keys_even_where_it_is_cut(logger, lines):
    observer = LogObserver(logger)
    observer.conceal([Secret(KEY)])
    observer.call_ended(record(error=CallFailed("x" * 190 + KEY + "y" * 100)))
    observer.call_ended(record(error=KeyboardInterrupt()))
    first, second = (json.loads(line)["error"] for line in lines())
    assert first == "x" * 190 + "***" + "y" * 7 + "..."
    assert second == "KeyboardInterrupt"


@pytest.mark.parametrize("form", ["json", "pairs"])
def test_a_line_is_one_line_whatever_callers_say(logger, lines, form):
    wild = 'a\nb\r\x1b[31m\x00\x85\u2028\u202e"=\ud800 c'
    LogObserver(logger, form=form, content="full").call_ended(
        record(user=wild, tags={wild: wild}, messages=(Message.user(wild),))
    )
    (line,) = lines()
    assert line.isascii()
    assert line.isprintable()
    assert line.splitlines() == [line]


def test_pairs_quote_what_is_no_plain_word(logger, lines):
    LogObserver(logger, form="pairs").noticed(Notice("health", "endpoint `a`", "down"))
    assert lines() == ['event=health subject="endpoint `a`" state=down']


@pytest.mark.parametrize(("name", "value"), [("form", "xml"), ("content", "all")])
def test_an_unknown_choice_is_refused_with_the_legal_ones(name, value):
    with pytest.raises(ValueError, match=f"`{name}` is '{value}'; it must be one of"):
        LogObserver(**{name: value})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-abcDEF123456_-x end", "key *** end"),
        ("Authorization: Bearer abc.def/ghi=", "Authorization: Bearer ***"),
        ("GET /v1?a=1&api_key=abc&b=2", "GET /v1?a=1&api_key=***&b=2"),
        ("https://x/?key=abc#top", "https://x/?key=***"),
        ("a risk-averse task-force", "a risk-averse task-force"),
        ("what is the key = to it", "what is the key = to it"),
    ],
)
def test_what_looks_like_a_key_is_masked(text, shown):
    assert Redaction().text(text) == shown


def test_very_short_secrets_do_not_blacken_the_log():
    redaction = Redaction()
    redaction.conceal([Secret("abc"), Secret("")])
    assert redaction.text("abc abc") == "abc abc"


def test_secrets_of_earlier_configurations_stay_masked():
    redaction = Redaction()
    redaction.conceal([Secret("the-old-one")])
    redaction.conceal([Secret("the-new-one")])
    assert redaction.text("the-old-one the-new-one") == "*** ***"


def test_a_redaction_cleans_every_record_of_a_handler():
    written = []

    class Handler(logging.Handler):
        def emit(self, record):
            written.append(self.format(record))

    redaction = Redaction()
    redaction.conceal([Secret(KEY)])
    logger, handler = logging.getLogger("test.redaction"), Handler()
    logger.setLevel(logging.INFO)
    handler.addFilter(redaction)
    logger.addHandler(handler)
    logger.info("%s is %s", "it", KEY)
    try:
        raise ValueError(KEY)
    except ValueError:
        logger.exception("failed")
    assert written[0] == "it is ***"
    assert "ValueError: ***" in written[1]
    assert KEY not in "".join(written)


def test_usage_that_is_unknown_is_left_out(logger, lines):
    LogObserver(logger).call_ended(record())
    LogObserver(logger).call_ended(record(usage=Usage(1, 2), first_ms=1.234))
    first, second = (json.loads(line) for line in lines())
    assert "input_tokens" not in first
    assert (second["input_tokens"], second["output_tokens"], second["first_ms"]) == (1, 2, 1.2)
