"""A file of routing tests, read, unfolded and held against the configuration that it names."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from router.config import problems
from router.config.cases import unfold
from router.config.expand import Decoding
from router.config.link_tests import link_tests
from router.config.load import Configuration, RoutingTests, load_file, read_source
from router.config.routing_tests import SUFFIX, TEST_FILE
from router.config.yaml import read

if TYPE_CHECKING:
    from router.diagnostics.source import Source

# Files beside a configuration that are looked at.
MOST_FILES = 100


def is_tests(path: Path) -> bool:
    """Return whether a file is one of routing tests: its name says it."""
    return path.name.endswith(SUFFIX)


def load_tests(path: Path) -> Configuration:
    """Read a file of routing tests and the configuration it names; what is wrong is in the result's problems."""
    source, problem = read_source(path)
    if problem is not None:
        return Configuration(source, path.parent, problems=[problem])
    configuration = _decoded(source, path.parent)
    tests = configuration.tests
    if tests is not None and tests.file.config:
        _link(configuration, tests, load_file(path.parent / tests.file.config))
    return configuration


def tests_beside(configuration: Configuration) -> tuple[Configuration, ...]:
    """Return the files of routing tests in a configuration's folder that are about it, or that may be."""
    path = Path(configuration.source.name)
    found = []
    try:
        for beside in islice(sorted(configuration.folder.glob(f"*{SUFFIX}")), MOST_FILES):
            source, problem = read_source(beside)
            if problem is None and path.name in source.text:
                tests = _decoded(source, beside.parent)
                if tests.tests is None or not tests.tests.file.config:
                    found.append(tests)
                elif (beside.parent / tests.tests.file.config).resolve() == path.resolve():
                    _link(tests, tests.tests, configuration)
                    found.append(tests)
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # a folder that may not be listed; a name with a NUL, a loop of links
        return ()
    return tuple(found)


def _decoded(source: Source, folder: Path) -> Configuration:
    root, found = read(source)
    configuration = Configuration(source, folder, root, problems=found)
    if root is not None:
        decoding = Decoding(source, folder, None, found, configuration.variables)
        file = TEST_FILE.decode(root, decoding, "the file")
        configuration.tests = RoutingTests(file, unfold(file, found))
    return configuration


def _link(configuration: Configuration, tests: RoutingTests, tested: Configuration) -> None:
    """Hold tests against what they test; what is wrong already is not told twice."""
    tests.tested = tested
    for unread in tested.found(problems.Unreadable):
        name, why = tests.file.config, f"cannot be read: {unread.why}"
        configuration.problems.append(problems.BadFile(tests.file.span("config"), name, why, "tested"))
    known = {each.span for each in configuration.problems}
    # The rows of a table share their columns.
    more = dict.fromkeys(link_tests(tests.cases, tested))
    configuration.problems += [each for each in more if each.span not in known]
