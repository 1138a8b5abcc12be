"""Bad input: each gives the right finding at the right place, within a second, and never a traceback or a secret."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from router.checks.registry import ALL, run_all
from router.cli.main import cli
from router.config.load import load_file, load_source
from router.diagnostics.machine import as_json
from router.diagnostics.output import FORMATS, Report, rendered
from router.diagnostics.sarif import Rule
from router.diagnostics.source import Source

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage

MINIMAL = """\
version: 1
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
models: {assistant: {at: here}}
rules: [{use: assistant}]
"""
A_CODE = "{when: {task: code}, use: assistant, deadline: 5s}"
A_CODE_FAST = "{when: {task: code, priority: speed}, use: assistant}"
HEAD = "version: 1\nmodels: {assistant: {at: here}}\nrules: [{use: assistant}]\n"
HERE = '{kind: openai, url: "http://127.0.0.1:8080/v1"'


def endpoint(settings: str) -> str:
    """A whole file whose endpoint stands on line 4 and begins at column 19."""
    return f"{HEAD}endpoints: {{here: {settings}}}\n"


def address(url: str) -> str:
    return endpoint(f'{{kind: openai, url: "{url}"}}')


BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 12))]
)
MERGE_BOMB = "\n".join(
    ["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, 26))]
)

# Row, text, code, place. A row that stands for a part that is not built maps to the finding that refuses it here.
TEXTS = [
    ("B01", 'a: !!python/object/apply:os.system ["id"]', "R108", "1:4"),
    ("B02", MINIMAL + "name: !!python/name:os.system\n", "R108", "5:7"),
    ("B03 secret", endpoint(HERE + ", key: !secret x}"), "R108", "4:72"),
    *((f"B03 {tag}", MINIMAL + f"name: !!{tag} x\n", "R108", "5:7") for tag in ("binary", "timestamp")),
    *((f"B03 {tag}", MINIMAL + f"lint: !!{tag} {{}}\n", "R108", "5:7") for tag in ("set", "omap")),
    ("B04", BOMB, "R105", "7:10"),
    ("B05", MERGE_BOMB, "R109", "2:10"),
    ("B06", "a: &a [*a]", "R105", "1:8"),
    ("B07", "[" * 100_000, "R113", "1:34"),
    ("B09", MINIMAL + "endpoints: {}\n", "R102", "5:1"),
    *(
        (f"B10 {number}", MINIMAL + f"temperatures: {{chat: {number}}}\n", "R110", "5:22")
        for number in (".nan", ".inf", "-.inf", "1e999")
    ),
    # `on` and `no` are texts in YAML 1.2, so they are keys that nobody knows.
    ("B11 on", MINIMAL + "on: 1\n", "R201", "5:1"),
    ("B11 no", MINIMAL + "no: 1\n", "R201", "5:1"),
    ("B11 1", MINIMAL + "1: 1\n", "R111", "5:1"),
    ("B11 null", MINIMAL + "null: 1\n", "R111", "5:1"),
    ("B12 no", MINIMAL + "name: no\n", "R104", "5:7"),
    ("B12 NO", MINIMAL + "name: NO\n", "R104", "5:7"),
    ("B12 1.10", MINIMAL.replace("version: 1", "version: 1.10"), "R208", "1:10"),
    ("B12 12:30", MINIMAL + "name: 12:30\n", "R104", "5:7"),
    ("B12 0777", MINIMAL + "name: 0777\n", "R203", "5:7"),
    # A date that is none is a text like any other.
    ("B12 date", MINIMAL + "deadline: 2026-13-45\n", "R204", "5:11"),
    ("B12 true", MINIMAL + "name: true\n", "R203", "5:7"),
    ("B13", MINIMAL + f"retry: {{attempts: {'9' * 5000}}}\n", "R110", "5:19"),
    ("B14 nul", MINIMAL + "name: a\0b\n", "R112", "5:8"),
    ("B14 surrogate", MINIMAL + "name: a\ud800b\n", "R112", "5:8"),
    ("B14 bidi", MINIMAL + "name: a\u202eb\n", "R112", "5:8"),
    ("B15 tab", MINIMAL + "retry:\n\tattempts: 1\n", "R103", "6:1"),
    ("B15 quote", MINIMAL + 'name: "a\n', "R101", "6:1"),
    ("B15 colons", MINIMAL + "name: b: c\n", "R101", "5:8"),
    ("B16 two", MINIMAL + "---\n" + MINIMAL, "R106", "5:1"),
    ("B16 empty", "", "R114", "1:1"),
    ("B16 comments", "# nothing\n# here\n", "R114", "3:1"),
    ("B16 list", "[1]", "R203", "1:1"),
    ("B16 scalar", "hello", "R203", "1:1"),
    ("B17", MINIMAL + "retry: {max_retires: 3}\n", "R201", "5:9"),
    ("B18 attempts", MINIMAL + "retry: {attempts: 1000000}\n", "R205", "5:19"),
    *(
        (f"B18 {value}", MINIMAL + f"deadline: {value}\n", code, "5:11")
        for value, code in (
            ("-1", "R205"),
            ("0", "R205"),
            ("0s", "R205"),
            ("true", "R203"),
            ('"5"', "R206"),
            ("5", "R206"),
            ("5 seconds ago", "R204"),
            ("1e3", "R205"),
            ("9999999999s", "R205"),
        )
    ),
    ("B19 unknown", MINIMAL.replace("at: here", "at: her"), "R301", "3:26"),
    ("B19 unused", MINIMAL.replace('v1"}}', 'v1"}, spare: {kind: mock}}'), "R307", "2:68"),
    ("B21 dead", MINIMAL.replace("[{use", f"[{A_CODE}, {A_CODE_FAST}, {{use"), "R401", "4:68"),
    (
        "B21 impossible",
        MINIMAL.replace("[{use", '[{when: {tokens: "9..1"}, use: assistant}, {use'),
        "R406",
        "4:25",
    ),
    ("B21 no default", MINIMAL.replace("{use", "{when: {task: code}, use"), "R404", "4:1"),
    ("B21 default first", MINIMAL.replace("assistant}]", f"assistant}}, {A_CODE}]"), "R408", "4:9"),
    ("B22 up", MINIMAL + "extends: ../../etc/passwd\n", "R306", "5:10"),
    ("B22 absolute", MINIMAL + "extends: /etc/passwd\n", "R306", "5:10"),
    ("B22 scheme", MINIMAL + "overlays: [file:///etc/passwd]\n", "R306", "5:12"),
    ("B22 many", MINIMAL + f"overlays: [{', '.join(['x.yaml'] * 1000)}]\n", "R306", "5:12"),
    ("B23", endpoint(HERE + ", key: sk-live-abcdefghijklmnop}"), "R601", "4:72"),
    ("B23 other name", endpoint(HERE + ", api_key: sk-live-abcdefghijklmnop}"), "R601", "4:76"),
    ("B24 default", MINIMAL + 'name: "${env:PATH:-$(id)}"\n', "R214", "5:7"),
    ("B24 nested", MINIMAL + 'name: "${${env:X}}"\n', "R214", "5:7"),
    ("B24 file", endpoint(HERE + ', key: "${file:/etc/shadow}"}'), "R612", "4:72"),
    ("B25 label", MINIMAL + 'name: "${env:OPENAI_API_KEY}"\n', "R610", "5:7"),
    ("B25 url", address("http://${env:OPENAI_API_KEY}/v1"), "R610", "4:39"),
    (
        "B25 prompt",
        MINIMAL.replace("at: here", 'at: here, before: [{system: "${env:OPENAI_API_KEY}"}]'),
        "R610",
        "3:50",
    ),
    *(
        (f"B26 {url}", address(url), code, "4:39")
        for url, code in (
            ("file:///etc/passwd", "R204"),
            ("gopher://h/", "R204"),
            ("javascript:alert(1)", "R204"),
            ("//host", "R204"),
            ("http://user:pw@h", "R605"),
            ("http://169.254.169.254/", "R611"),
            ("http://[::ffff:169.254.169.254]", "R611"),
            ("http://0x7f.1", "R611"),
            ("http://2130706433/", "R611"),
            ("http://[fd00:ec2::254]/", "R611"),
            ("http://[fe80::1]/", "R611"),
            ("http://[:::]/", "R611"),
            ("http://[64:ff9b::169.254.169.254]/", "R611"),
            ("http://[64:ff9b:1::a9fe:a9fe]/", "R611"),
            ("http://[64:ff9b::7f00:1]/", "R611"),
            ("http://[2002:a9fe:a9fe::1]/", "R611"),
            ("http://[2001:0:a9fe:a9fe:0:0:5601:5601]/", "R611"),
            ("http://[::169.254.169.254]/", "R611"),
            ("http://[::ffff:a9fe:a9fe]:80/v1", "R611"),
            ("http://0251.0376.0251.0376/", "R611"),
            ("http://169.254.169.254.:8080/", "R611"),
            ("http://METADATA.google.internal./", "R611"),
            ("http://h/v1/chat/completions/", "R810"),
            ("https://h/v1/completions", "R810"),
            ("http://0.0.0.0/", "R611"),
            ("http://metadata.google.internal/", "R611"),
            ("http://a..b/", "R611"),
            ("http://h:99999/", "R204"),
        )
    ),
    (
        "B27",
        endpoint('{kind: openai, url: "http://api.example.com/v1", key: "${env:K}"}'),
        "R602",
        "4:39",
    ),
    ("B28", endpoint('{kind: openai, url: "https://api.example.com/v1", verify: false}'), "R604", "4:77"),
    ("B29 value", endpoint(HERE + r', headers: {X: "a\r\nEvil: 1"}}'), "R213", "4:80"),
    ("B29 name", endpoint(HERE + ', headers: {"a b": "${env:X}"}}'), "R213", "4:77"),
    *(
        (f"B29 {name}", endpoint(HERE + f', headers: {{{name}: "${{env:X}}"}}}}'), "R213", "4:77")
        for name in ("Host", "content-length", "AUTHORIZATION")
    ),
    ("B31 name", MINIMAL.replace("at: here", "at: here, after: [os.system]"), "R311", "3:40"),
    ("B31 path", MINIMAL.replace("at: here", 'at: here, after: ["module:../../x.py"]'), "R311", "3:40"),
    # Whether a model file is one is seen by its provider, at load; an address is no file.
    ("B32", endpoint("{kind: gguf, path: http://h/m.gguf}"), "R204", "4:38"),
    *(
        (
            f"B33 {price}",
            MINIMAL.replace("at: here", f"at: here, price: {{input: {price}, output: $1}}"),
            code,
            "3:47",
        )
        for price, code in (('"0.15usd"', "R204"), ("-1", "R205"), (".nan", "R110"), ("1e30", "R205"))
    ),
    ("B35 slash", MINIMAL.replace("here", "he/re"), "R212", "2:13"),
    ("B35 newline", MINIMAL + 'temperatures: {"ch\\nat": 1}\n', "R212", "5:16"),
    ("B35 escape", MINIMAL.replace("assistant: {", '"\\e[31m": {'), "R212", "3:10"),
    ("B35 long", MINIMAL.replace("assistant", "a" * 500), "R212", "3:10"),
    # YAML itself ends a key without quotes or brackets of its own after 1,024 characters.
    ("B35 very long", MINIMAL.replace("assistant", "a" * 10_000), "R101", "3:10010"),
    ("B35 case", MINIMAL.replace("{at: here}", "{at: here}, Assistant: {at: here}"), "R309", "3:33"),
    (
        "B35 normal form",
        MINIMAL.replace("{at: here}", "{at: here}, caf\u00e9: {at: here}, cafe\u0301: {at: here}"),
        "R309",
        "3:51",
    ),
    ("B37 99", MINIMAL.replace("version: 1", "version: 99"), "R208", "1:10"),
    ("B37 text", MINIMAL.replace("version: 1", 'version: "1"'), "R208", "1:10"),
    ("B37 true", MINIMAL.replace("version: 1", "version: true"), "R208", "1:10"),
    ("B37 absent", MINIMAL.replace("version: 1\n", ""), "R202", "1:1"),
]
SECRETS = ("sk-live-abcdefghijklmnop", "user:pw")


def outputs(configuration):
    """What is found, and it in every form, infos too."""
    found = run_all(configuration)
    rules = tuple(Rule(each.code, each.name, each.severity, each.name, each.name) for each in ALL)
    report = Report(
        tuple(found), configuration.sources, rules, version="1", root=configuration.folder, least="info"
    )
    return found, [rendered(form, report) for form in FORMATS]


@pytest.mark.parametrize(("text", "code", "place"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_bad_text_gives_its_finding_at_its_place_within_a_second(text, code, place, tmp_path):
    began = time.perf_counter()
    found, printed = outputs(load_source(Source("bad.yaml", text), tmp_path))
    assert time.perf_counter() - began < 1
    assert (code, place) in [(each.code, f"{each.span.line}:{each.span.column}") for each in found]
    for text_out in printed:
        assert not [secret for secret in SECRETS if secret in text_out]
        assert "\x1b" not in text_out
        assert "\u202e" not in text_out


def test_only_the_first_duplicate_is_marked_and_it_points_at_both_lines(tmp_path):
    (found,) = run_all(load_source(Source("bad.yaml", MINIMAL + "endpoints: {}\n"), tmp_path))[:1]
    assert (found.span.line, found.related[0].span.line) == (5, 2)


def test_an_unset_variable_is_an_error_only_where_calls_are_made(tmp_path):
    text = Source("bad.yaml", endpoint(HERE + ', key: "${env:UNSET}"}'))
    assert [(each.code, each.severity) for each in run_all(load_source(text, tmp_path))] == [("R305", "info")]
    found = run_all(load_source(text, tmp_path, env={}))
    assert [(each.code, each.severity, each.span.line) for each in found] == [("R305", "error", 4)]


def test_names_in_an_env_example_are_promised(tmp_path):
    (tmp_path / ".env.example").write_text("# keys\nexport UNSET=\nOTHER=1\n", encoding="utf-8")
    text = Source("bad.yaml", endpoint(HERE + ', key: "${env:UNSET}"}'))
    assert run_all(load_source(text, tmp_path)) == []


def test_a_pipe_as_env_example_is_not_read(tmp_path):
    os.mkfifo(tmp_path / ".env.example")
    assert load_source(Source("x.yaml", MINIMAL), tmp_path).promised == frozenset()


def _sparse(path):
    with path.open("wb") as file:
        file.truncate(2**30)


def _nothing(path):
    assert not path.exists()


def _write(data):
    return lambda path: path.write_bytes(data)


FILES = [
    ("B08 larger", _write(b"#" * 2_000_001), "R113", "1:1"),
    ("B08 sparse", _sparse, "R113", "1:1"),
    ("B08 pipe", os.mkfifo, "R100", "1:1"),
    ("B08 folder", Path.mkdir, "R100", "1:1"),
    ("B08 device", lambda path: path.symlink_to("/dev/zero"), "R100", "1:1"),
    ("absent", _nothing, "R100", "1:1"),
    ("B14 latin-1", _write(MINIMAL.encode() + b"name: caf\xe9\n"), "R112", "5:10"),
    ("B14 utf-16", _write(MINIMAL.encode("utf-16")), "R112", "1:1"),
    ("B14 utf-16 without mark", _write(MINIMAL.encode("utf-16-le")), "R112", "1:2"),
]


@pytest.mark.parametrize(("make", "code", "place"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_bad_file_is_refused_within_a_second_and_never_read_on(make, code, place, tmp_path):
    path = tmp_path / "router.yaml"
    make(path)
    began = time.perf_counter()
    found, _ = outputs(load_file(path))
    assert time.perf_counter() - began < 1
    assert [(each.code, f"{each.span.line}:{each.span.column}") for each in found] == [(code, place)]


def test_unchecked_certificates_fail_a_strict_run_alone(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(
        endpoint('{kind: openai, url: "https://api.example.com/v1", verify: false}'), encoding="utf-8"
    )
    runs = [CliRunner().invoke(cli, ["check", str(path), *more]) for more in ([], ["--fail-on", "warning"])]
    assert [(each.exit_code, "R604" in each.output) for each in runs] == [(0, True), (1, True)]


def test_a_file_that_grows_while_it_is_read_is_not_read_on(tmp_path, monkeypatch):
    path = tmp_path / "router.yaml"
    path.write_bytes(b"#" * 3_000_000)
    before = os.stat_result((stat.S_IFREG | 0o600, 1, 1, 1, 0, 0, 10, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda *_, **__: before)
    assert [each.code for each in run_all(load_file(path))] == ["R113"]


def test_a_file_that_is_written_by_half_has_errors_wherever_it_ends(tmp_path):
    for end in range(len(MINIMAL.rstrip())):
        found = run_all(load_source(Source("half.yaml", MINIMAL[:end]), tmp_path))
        assert "error" in [each.severity for each in found], MINIMAL[:end]


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    assert [each.code for each in run_all(load_file(tmp_path / "a\0b"))] == ["R100"]


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert run_all(load_file(path)) == []


def test_a_link_that_leads_out_of_the_folder_is_refused_without_its_content(tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("hunter2", encoding="utf-8")
    (inside / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (inside / "loop.yaml").symlink_to(inside / "loop.yaml")
    text = MINIMAL + "overlays: [out.yaml, loop.yaml]\n"
    found, printed = outputs(load_source(Source("bad.yaml", text), inside))
    assert [each.severity for each in found if each.code == "R306"] == ["error", "error"]
    assert not [text for text in printed if "hunter2" in text]


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, _write(b""), _write(b"x" * 70_000), _write(b"\xff"), _nothing]
)
def test_a_secret_file_that_is_none_is_refused_at_load(make, tmp_path):
    make(tmp_path / "key")
    text = Source("bad.yaml", endpoint(HERE + ', key: "${file:key}"}'))
    assert run_all(load_source(text, tmp_path)) == []
    assert [each.code for each in run_all(load_source(text, tmp_path, env={}))] == ["R612"]


def test_a_secret_file_in_the_own_folder_is_read_at_load(tmp_path):
    (tmp_path / "key").write_text("abc\n", encoding="utf-8")
    configuration = load_source(Source("x.yaml", endpoint(HERE + ', key: "${file:key}"}')), tmp_path, env={})
    assert configuration.document.endpoints["here"].key_.reveal() == "abc"


def test_a_secret_file_with_an_impossible_name_is_refused(tmp_path):
    text = Source("bad.yaml", endpoint(HERE + r', key: "${file:a\0b}"}'))
    assert "R612" in [each.code for each in run_all(load_source(text, tmp_path))] or "R213" in [
        each.code for each in run_all(load_source(text, tmp_path))
    ]


def many(count: int) -> str:
    """A file with so many endpoints, models and rules."""
    lines = ["version: 1", "endpoints:"]
    lines += [f'  e{n}: {{kind: openai, url: "http://127.0.0.1:{n % 60000 + 1}/v1"}}' for n in range(count)]
    lines += ["models:", *(f"  m{n}: {{at: e{n}}}" for n in range(count))]
    lines += [
        "rules:",
        *(f'  - {{when: {{tokens: "{n * 2}..{n * 2 + 1}"}}, use: m{n}}}' for n in range(count)),
        "  - {use: [m0, m1]}",
    ]
    return "\n".join(lines)


def test_five_thousand_endpoints_and_rules_load_in_time(tmp_path):
    began = time.perf_counter()
    found = run_all(load_source(Source("many.yaml", many(5000)), tmp_path))
    assert [each for each in found if each.severity != "info"] == []
    assert time.perf_counter() - began < 10  # 3 s at rest; a machine under load takes longer


MEMORY = """
import resource, sys
from router import load_router
router = load_router(sys.argv[1], env={})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "linux" else 1024**2))
"""


def test_five_thousand_endpoints_and_rules_take_little_memory(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text(many(5000), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 300  # MiB


def test_thousands_of_unknown_names_do_not_take_minutes(tmp_path):
    lines = [
        "version: 1",
        'endpoints: {here: {kind: openai, url: "http://127.0.0.1:1/v1"}}',
        "models:",
        *(f"  model{n}: {{at: here}}" for n in range(2000)),
        "rules:",
        *(f"  - use: modle{n}" for n in range(2000)),
    ]
    began = time.perf_counter()
    found = run_all(load_source(Source("many.yaml", "\n".join(lines)), tmp_path))
    assert len([each for each in found if each.code == "R302"]) == 2000
    assert time.perf_counter() - began < 10


def test_the_json_of_findings_is_versioned(tmp_path):
    found = run_all(load_source(Source("bad.yaml", "a: 1"), tmp_path))
    schema = {
        "required": ["format_version", "findings", "summary"],
        "properties": {"format_version": {"const": "1.0"}},
    }
    Draft202012Validator(schema).validate(as_json(found))
