"""`router matrix` as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.matrix import command
from router.cli.matrix_page import HUES, STYLE, colours

EXAMPLES = Path(__file__).parents[2] / "examples" / "configs"
CHROMIUM = Path("/usr/bin/chromium")
FILE = """\
version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}, "c|d": {at: here}}
rules:
  - {name: short, when: {task: code, tokens: "<= 4000"}, use: [a, b]}
  - {name: long, when: {task: code, tokens: "8001..20000"}, use: {split: {a: 3, b: 1}}}
  - {name: streamed, when: {task: chat, stream: true}, use: "c|d", options: {temperature: 0.5}}
"""
HOSTILE = """\
version: 1
name: "</title><script>alert(1)</script>"
endpoints: {here: {kind: mock}}
models:
  "<img src=x onerror=alert(1)>": {at: here}
  "\\" onmouseover=\\"alert(2)": {at: here}
  "\\u05d0\\u05d1\\u202e": {at: here}
rules:
  - {name: "'><svg/onload=alert(3)>", when: {task: code}, use: "<img src=x onerror=alert(1)>"}
  - {name: "a|b `c` *d* [e](https://example.com)", when: {task: chat}, use: "\\" onmouseover=\\"alert(2)"}
  - {name: "\\u202eright\\e[31m", when: {task: creative}, use: "\\u05d0\\u05d1\\u202e"}
"""


class Page(HTMLParser):
    """Reads a page strictly: every element that is opened is closed, in order."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.said.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "hostile.yaml").write_text(HOSTILE, encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(FILE.replace("[a, b]", "nothing"), encoding="utf-8")
    return lambda *words: CliRunner().invoke(command, [str(word) for word in words])


def test_the_text_is_an_aligned_table_with_notes(run):
    result = run()
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "router.yaml: 3 rules, 10 of 12 cells have calls without a rule",
        "in brackets: the rule, and the temperature its first model is sent",
        "",
        "task                  tokens: <= 4000  tokens: 4001..8000  tokens: 8001..20000  tokens: >= 20001",
        "--------------------  ---------------  ------------------  -------------------  ----------------",
        "chat                  see [1]          see [1]             see [1]              see [1]",
        "code                  a                -- no rule --       a 75% / b 25%        -- no rule --",
        "                      then b                               (long)",
        "                      (short)",
        "analysis or creative  -- no rule --    -- no rule --       -- no rule --        -- no rule --",
        "",
        "[1]",
        "  c|d  (streamed, 0.5)",
        "      when stream is true",
        "  -- no rule --",
        "      when stream is false",
    ]


def test_the_text_keeps_within_the_terminal_where_it_can(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    wide = run(EXAMPLES / "matrix.yaml").output
    assert max(len(line) for line in wide.splitlines()[2:]) <= 72
    assert "mistral-7b-\n" in re.sub(r" +\n", "\n", wide)
    columns = run(
        EXAMPLES / "matrix.yaml", "--rows", "task", "--columns", "priority", "--columns", "complexity"
    )
    assert columns.exit_code == 0
    assert columns.output.count("priority: speed") == 1


def test_markdown_is_a_table_and_what_is_special_in_it_is_escaped(run):
    lines = run("--format", "markdown").output.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[1] == "| --- | --- | --- | --- | --- |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {6}
    assert table[3].startswith(
        "| **code** | a<br>then b<br>(short) | -- no rule -- | a 75% / b 25%<br>(long) |"
    )
    assert "- c\\|d  (streamed, 0.5)" in lines
    hostile = run("hostile.yaml", "--format", "markdown").output
    assert "(&lt;/title>&lt;script>alert(1)&lt;/script>)" in hostile
    assert set(re.findall(r"<\w*", hostile)) == {"<br"}
    assert "(a\\|b \\`c\\` \\*d\\* \\[e\\](https://example.com))" in hostile
    assert "\x1b" not in hostile


def test_json_is_one_object(run):
    shown = json.loads(run("--format", "json").output)
    assert (shown["format_version"], len(shown["rows"]), len(shown["columns"])) == ("1.0", 3, 4)
    assert shown["cells"][0] == {
        "row": 0,
        "column": 0,
        "call": {"task": "chat", "tokens": "<= 4000", "stream": True},
        "rule": "streamed",
        "first": "c|d",
        "models": ["c|d"],
        "split": None,
        "temperature": 0.5,
        "gap": False,
    }
    assert sum(cell["gap"] for cell in shown["cells"]) == 10


@pytest.mark.parametrize("words", [[], ["--rows", "task"], ["--columns", "task", "--columns", "stream"]])
def test_the_page_is_whole_and_asks_for_nothing_from_outside(run, words):
    page = Page(run("--format", "html", *words).output)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.seen)
    assert not any({"src", "href"} & set(attributes) for _, attributes in page.seen)
    assert not any(name.startswith("on") for _, attributes in page.seen for name in attributes)
    assert "url(" not in STYLE
    assert "no rule" in page.text


def test_a_cell_of_the_page_tells_all_about_itself(run):
    page = Page(run("--format", "html").output)
    title = next(
        str(each["title"]) for tag, each in page.seen if tag == "td" and "model" in str(each.get("class"))
    )
    assert title.splitlines() == [
        "task is code, tokens <= 4000",
        "rule: short",
        "chain: a, then b",
        "temperature: left to the endpoint",
        "written at: router.yaml:5:5",
    ]
    assert sum(tag == "td" for tag, _ in page.seen) == 12
    assert "3 rules, 10 of 12 cells have calls without a rule" in page.text
    gaps = [each for tag, each in page.seen if "gap" in str(each.get("class")) and tag in ("td", "div")]
    assert len(gaps) == 10


def test_the_headings_of_the_page_span_what_belongs_to_them(run):
    page = Page(run(EXAMPLES / "matrix.yaml", "--format", "html").output)
    heads = [(each.get("scope"), each.get("rowspan")) for tag, each in page.seen if tag == "th"]
    assert heads.count(("rowgroup", "3")) == 4
    assert heads.count(("row", "1")) == 12
    assert sum(tag == "td" for tag, _ in page.seen) == 36


def test_hostile_names_are_text_and_nothing_else(run):
    page = Page(run("hostile.yaml", "--format", "html").output)
    assert {"script", "svg", "img"}.isdisjoint(tag for tag, _ in page.seen)
    assert not any(name.startswith("on") for _, attributes in page.seen for name in attributes)
    for name in (
        "</title><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "'><svg/onload=alert(3)>",
    ):
        assert name in page.text
    for form in ("html", "text", "markdown"):
        shown = run("hostile.yaml", "--format", form).output
        assert "\u202e" not in shown
        assert "\x1b" not in shown
    assert "<bdi>\u05d0\u05d1" in run("hostile.yaml", "--format", "html").output


def test_a_model_keeps_its_colour_and_no_two_share_one():
    models = {f"model-{number}" for number in range(2 * len(HUES))}
    assert len(set(colours(models).values())) == len(models)
    assert colours({"mistral-7b"}) == colours({"mistral-7b"})
    assert len(colours(models | {"one more"})) == len(models) + 1


def test_text_stands_out_from_every_colour():
    for hue in HUES:
        for step in (0, 1):
            assert contrast("#16181d", (hue, 0.65, 0.90 - 0.10 * step)) > 4.5
            assert contrast("#eceef2", (hue, 0.45, 0.17 + 0.08 * step)) > 4.5


def contrast(ink: str, colour: tuple[int, float, float]) -> float:
    """Return the WCAG contrast of a hexadecimal and an HSL colour."""
    hue, saturation, light = colour
    part = saturation * min(light, 1 - light)

    def channel(number: int) -> float:
        place = (number + hue / 30) % 12
        return light - part * max(-1, min(place - 3, 9 - place, 1))

    def luminance(channels) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    both = sorted(
        (luminance([int(ink[at : at + 2], 16) / 255 for at in (1, 3, 5)]), luminance(map(channel, (0, 8, 4))))
    )
    return (both[1] + 0.05) / (both[0] + 0.05)


def test_the_output_can_be_a_file(run, tmp_path):
    result = run("router.yaml", "--format", "html", "-o", "table.html")
    assert (result.exit_code, result.output) == (0, "")
    assert "no rule" in Page((tmp_path / "table.html").read_text(encoding="utf-8")).text
    result = run("router.yaml", "-o", tmp_path / "none" / "table.txt")
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_a_missing_file_ends_with_2_and_a_wrong_one_with_1(run):
    assert run("none.yaml").exit_code == 2
    assert run("wrong.yaml").exit_code == 1
    shown = run("wrong.yaml", "--format", "json")
    assert (shown.exit_code, json.loads(shown.output)["findings"][0]["code"]) == (1, "R302")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows", "nonsense"], "`nonsense` is not a dimension"),
        (["--rows", "images"], "`images` decides nothing in this file"),
        (["--rows", "task", "--columns", "task"], "twice"),
    ],
)
def test_a_dimension_that_makes_no_rows_ends_with_2(run, words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output


def test_a_table_that_is_too_large_or_too_complex_says_what_to_do(run, tmp_path, monkeypatch):
    monkeypatch.setattr("router.compile.matrix.MOST_CELLS", 11)
    result = run()
    assert result.exit_code == 2
    assert result.output == (
        "router: the table would have 12 cells, more than 11; choose dimensions with --rows and --columns\n"
    )
    monkeypatch.undo()
    monkeypatch.setattr("router.table.graph.BUDGET", 1)
    result = run(tmp_path / "router.yaml")
    assert result.exit_code == 2
    assert "too complex to be shown exactly; choose dimensions with --rows and --columns" in result.output


@pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium to render the page with")
def test_a_browser_renders_the_page(run, tmp_path):
    assert run("hostile.yaml", "--format", "html", "-o", "table.html").exit_code == 0
    profile = tmp_path / "profile"
    shown = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            "--dump-dom",
            (tmp_path / "table.html").as_uri(),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout.decode("utf-8")
    shutil.rmtree(profile, ignore_errors=True)
    page = Page(shown)
    cells = [str(each.get("class")) for tag, each in page.seen if tag == "td"]
    assert sorted(cells) == ["gap", "model", "model", "model"]
    assert "script" not in {tag for tag, _ in page.seen}
    assert "<img src=x onerror=alert(1)>" in page.text
