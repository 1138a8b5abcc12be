"""The examples in the docstrings of checks, completed to whole files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from router.config.load import Configuration, load_file, load_source
from router.config.load_tests import load_tests, tests_beside
from router.config.node import Mapping
from router.config.yaml import read
from router.diagnostics.source import Source

if TYPE_CHECKING:
    from router.checks.base import Check

MINIMAL = {
    "version": "version: 1",
    "endpoints": 'endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}',
    "models": "models: {assistant: {at: here}}",
    "rules": "rules: [{use: assistant}]",
}
# A table beyond the budget is too long for an example: with fewer nodes a short one is beyond it.
COMPLEX = "R413"
FEW_NODES = 2
# A finding of the configuration that its tests show.
UNTESTED = "R901"
# What no text can show: a folder, and bytes that are no UTF-8.
FOLDER = "R100"
BYTES = "R112"


def sections(check: Check) -> dict[str, str]:
    """Return the parts of a check's docstring by heading; what stands before the first one under ""."""
    parts = re.split(r"^## (.+)$", docstring(check), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def docstring(check: Check) -> str:
    return (__import__(check.run.__module__, fromlist=["x"]).__doc__ or "").strip()


def snippet(check: Check, heading: str) -> str:
    found = re.search(r"```yaml\n(.*?)```", sections(check)[heading], re.DOTALL)
    assert found, f"{check.code}: no yaml under {heading}"
    return found[1].replace("→", "\t") if check.name == "tab-indent" and heading == "Example" else found[1]


def with_tests(check: Check, heading: str, folder: Path) -> Configuration:
    """Return the file of tests of a section beside the configuration there, or what they show of that."""
    blocks = re.findall(r"```yaml\n(.*?)```", sections(check)[heading], re.DOTALL)
    files = {block.split("\n")[0].removeprefix("# "): block for block in ("# router.yaml\n", *blocks)}
    (folder / "router.yaml").write_text(completed(files["router.yaml"]), encoding="utf-8")
    (folder / "router.test.yaml").write_text(files["router.test.yaml"], encoding="utf-8")
    if check.code != UNTESTED:
        return load_tests(folder / "router.test.yaml")
    configuration = load_file(folder / "router.yaml")
    configuration.beside = tests_beside(configuration)
    return configuration


def completed(text: str) -> str:
    """Add what a whole file has and an example leaves out; a text that is no mapping stays as it is."""
    root, _ = read(Source("example.yaml", text))
    if not isinstance(root, Mapping) or "model_list" in root.entries:
        return text
    return text + "\n".join(line for key, line in MINIMAL.items() if key not in root.entries) + "\n"


def configuration(check: Check, heading: str, folder: Path) -> Configuration:
    if "# router.test.yaml\n" in sections(check)[heading]:
        return with_tests(check, heading, folder)
    text = snippet(check, heading)
    if check.code == FOLDER:
        path = folder if heading == "Example" else folder / "router.yaml"
        (folder / "router.yaml").write_text(completed("name: whole\n"), encoding="utf-8")
        return load_file(path)
    if check.code == BYTES and heading == "Example":
        (folder / "router.yaml").write_bytes(text.encode().replace(rb"\xe9", b"\xe9"))
        return load_file(folder / "router.yaml")
    return load_source(Source("example.yaml", completed(text)), folder)
