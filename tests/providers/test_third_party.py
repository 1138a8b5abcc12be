"""A kind that another package brings: from its entry point, through the file, to an answer."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from router import load_router
from router.cli.main import cli
from router.compile.compiler import check_file
from router.config.schema import json_schema
from router.core.errors import ConfigError

PROVIDER = '''
from contextlib import asynccontextmanager

from router.core.errors import Overloaded
from router.core.events import Done, TextDelta


class Provider:
    """Repeats the last words, and what it was told of its endpoint."""

    def __init__(self, endpoint, http=None):
        self.endpoint = endpoint

    @asynccontextmanager
    async def open(self, request):
        if request.messages[-1].text == "fail":
            raise Overloaded(f"{self.endpoint.name} is too busy")
        async def events():
            yield TextDelta(f"{self.endpoint.url} {self.endpoint.keys[0].reveal()} {request.messages[-1].text}")
            yield Done("stop")
        yield events()

    async def close(self):
        pass
'''
FILE = """\
version: 1
endpoints:
  odd: {kind: parrot, url: "http://127.0.0.1:99", key: "${env:PARROT_KEY}", headers: {x-a: "b"}, timeout: 9s}
models: {bird: {at: odd, price: free}}
rules: [{use: bird}]
invariants: [{name: birds only, for_all: {task: any}, every_hop: {kind: parrot}}]
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A small distribution, as an installer leaves it in a folder of the path."""
    site = tmp_path / "site"
    package, facts = site / "router_parrot", site / "router_parrot-1.0.dist-info"
    package.mkdir(parents=True)
    facts.mkdir()
    (package / "__init__.py").write_text(PROVIDER, encoding="utf-8")
    (facts / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: router-parrot\nVersion: 1.0\n", encoding="utf-8"
    )
    (facts / "entry_points.txt").write_text(
        "[router.providers]\nparrot = router_parrot:Provider\nbroken-bird = router_parrot:Nothing\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("router_parrot", None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    (tmp_path / ".env.example").write_text("PARROT_KEY=\n", encoding="utf-8")
    return path


def findings(file):
    return [(each.code, each.message) for each in check_file(file)[1] if each.severity != "info"]


@pytest.mark.usefixtures("installed")
def test_an_installed_kind_is_clean_and_answers(file):
    assert findings(file) == []

    async def go():
        async with load_router(file, env={"PARROT_KEY": "k"}) as router:
            return await router.complete("hello")

    answer = asyncio.run(go())
    assert (answer.text, answer.endpoint) == ("http://127.0.0.1:99 k hello", "odd")


@pytest.mark.usefixtures("installed")
def test_its_failures_are_the_routers_own(file):
    more = FILE.replace("models: {", "models: {spare: {at: calm}, ").replace(
        "models:", "  calm: {kind: mock}\nmodels:"
    )
    file.write_text(
        more.replace("use: bird", "use: [bird, spare]").replace("{kind: parrot}", "{kind: [parrot, mock]}")
    )

    async def go():
        async with load_router(file, env={"PARROT_KEY": "k"}) as router:
            return await router.complete("fail", deadline=5)

    answer = asyncio.run(go())
    assert (answer.model, answer.attempts[0].outcome) == ("spare", "overloaded")


@pytest.mark.usefixtures("installed")
def test_explain_knows_it(file):
    words = ["explain", "-c", str(file), "--format", "json"]
    result = CliRunner().invoke(cli, words, env={"PARROT_KEY": "k"})
    assert json.loads(result.output)["endpoint"] == "odd"


def test_a_kind_that_nobody_brings_is_refused_with_the_known_ones(file):
    (found, *_) = check_file(file)[1]
    assert (found.code, found.message) == ("R204", "`parrot` is no kind of endpoint `odd`")
    assert "openai" in found.notes[0]
    with pytest.raises(ConfigError):
        load_router(file, env={"PARROT_KEY": "k"})


@pytest.mark.usefixtures("installed")
def test_a_misspelt_kind_lists_the_installed_ones_too(file):
    file.write_text(FILE.replace("parrot", "xxyyzz"), encoding="utf-8")
    (found, *_) = check_file(file)[1]
    assert "parrot" in found.notes[0]


@pytest.mark.parametrize("kind", ["No Kind", "7", "-x", "a..b"])
def test_a_word_that_can_be_no_kind_is_refused(file, kind):
    file.write_text(FILE.replace("kind: parrot, url", f'kind: "{kind}", url'), encoding="utf-8")
    assert "R204" in [code for code, _ in findings(file)]


@pytest.mark.usefixtures("installed")
def test_a_kind_whose_class_is_missing_is_told_when_it_is_first_used(file):
    file.write_text(FILE.replace("parrot", "broken-bird"), encoding="utf-8")

    async def go():
        async with load_router(file, env={"PARROT_KEY": "k"}) as router:
            await router.complete("hello")

    with pytest.raises(ConfigError, match=r"router_parrot:Nothing cannot be imported"):
        asyncio.run(go())


@pytest.mark.usefixtures("installed")
def test_a_key_that_no_endpoint_has_is_refused(file):
    file.write_text(FILE.replace("timeout: 9s", "wings: 2"), encoding="utf-8")
    assert findings(file)[0] == ("R201", "unknown key `wings` in endpoint `odd`")


@pytest.mark.parametrize(
    ("endpoint", "valid"),
    [
        ({"kind": "parrot", "url": "http://x", "timeout": "9s"}, True),
        ({"kind": "parrot", "wings": 2}, False),
        ({"kind": "no kind at all"}, False),
        ({"kind": "openai", "url": "http://x", "path": "m"}, False),
    ],
)
def test_the_schema_leaves_room_for_kinds_it_cannot_know(endpoint, valid):
    document = {
        "version": 1,
        "endpoints": {"odd": endpoint},
        "models": {"bird": {"at": "odd"}},
        "rules": [{"use": "bird"}],
    }
    assert Draft202012Validator(json_schema()).is_valid(document) == valid


def test_nothing_of_other_packages_is_imported_to_check_a_file(file, installed):
    assert Path(installed).exists()
    findings(file)
    assert "router_parrot" not in sys.modules
