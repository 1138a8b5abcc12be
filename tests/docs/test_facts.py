"""Tables in the pages say what the program does."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import router
from router import Completion, Message
from router.checks.registry import ALL
from router.cli.main import COMMANDS
from router.config.endpoint import KINDS
from router.config.language import DOCUMENT
from router.config.record import Fields
from router.config.shapes import Shape
from router.core import errors
from router.core.options import CALL_OPTIONS, PARAMS
from router.core.quirk import QUIRKS
from router.policy.kinds import NEVER, TREATMENTS

ROOT = Path(__file__).parents[2]
FAILOVER = {"yes": "yes", "no": "no", "larger": "to a larger context"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def kinds():
    """Return every class of failure of a call, in the order of its module."""
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    middle = (errors.CallFailed, errors.AllAttemptsFailed)
    return [each for each in found if issubclass(each, errors.CallFailed) and each not in middle]


def row(cls):
    treatment = TREATMENTS.get(cls.kind, NEVER)
    retried = "until it is loaded" if treatment.poll else "yes, at once" if treatment.at_once else "yes"
    meaning = (cls.__doc__ or "").splitlines()[0].rstrip(".")
    first = f"`{cls.kind}` | `{cls.__name__}` | {meaning}"
    return f"| {first} | {retried if treatment.retry else 'no'} | {FAILOVER[treatment.failover]} |"


def test_the_table_of_errors_is_the_policy():
    head = "| kind | class | meaning | retried | fails over |\n|---|---|---|---|---|\n"
    table = head + "".join(f"{row(each)}\n" for each in kinds())
    page = read("docs/python.md")
    if os.environ.get("UPDATE_GOLDEN"):
        page = re.sub(r"\| kind \| class.*?\n\n", lambda _: f"{table}\n", page, flags=re.DOTALL)
        (ROOT / "docs/python.md").write_text(page, encoding="utf-8")
    assert table in page


def test_every_error_class_of_the_table_can_be_imported():
    assert [each.__name__ for each in kinds() if each.__name__ not in router.__all__] == []


def test_the_python_page_names_every_option_of_a_call():
    page = read("docs/python.md")
    assert [name for name in (*PARAMS, *CALL_OPTIONS) if f"`{name}`" not in page] == []


def test_the_python_page_names_every_field_of_an_answer():
    page = read("docs/python.md")
    own = {field.name for field in fields(Completion)} - {field.name for field in fields(Message)}
    assert sorted(name for name in own if f"`{name}`" not in page) == []


def test_the_python_page_names_every_argument_of_load_router():
    page = read("docs/python.md")
    names = router.load_router.__annotations__.keys() - {"return"}
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_page_of_commands_shows_every_command():
    page = read("docs/cli.md")
    assert [name for name in COMMANDS if f"## router {name}\n" not in page] == []


def later(shape, seen):
    """Yield every key and word of the language whose behaviour is not built."""
    yield from getattr(shape, "_later", ())
    if isinstance(shape, Fields) and shape.cls not in seen:
        seen.add(shape.cls)
        for name, key in shape.keys.items():
            yield from [name] if key.later else later(key.shape, seen)
    for inner in {**vars(type(shape)), **vars(shape)}.values():
        if isinstance(inner, Shape):
            yield from later(inner, seen)


def test_the_readme_names_everything_that_is_reserved():
    names = set(later(DOCUMENT, set()))
    assert sorted(name for name in names if f"`{name}`" not in read("README.md")) == []


def test_a_finding_that_a_page_names_exists():
    known = {check.code for check in ALL}
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        if page.name != "reference.md":
            named = set(re.findall(r"\bR\d{3}\b", page.read_text(encoding="utf-8")))
            assert named <= known, page.name


def test_the_page_of_endpoints_names_every_kind_and_every_server():
    page = read("docs/providers.md")
    rows = [f"| `{name}` |" for name in (*KINDS, *QUIRKS)]
    hosts = [host for row in QUIRKS.values() for host in row.hosts]
    assert [each for each in (*rows, *hosts) if each not in page] == []
