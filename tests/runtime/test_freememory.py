"""What the machine, the container and the process really have left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from router.runtime.freememory import NO_LIMIT, free_memory

GiB = 2**30


class Root:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(text), encoding="ascii")


@pytest.fixture
def write(tmp_path):
    found = Root(tmp_path)
    found(
        "proc/meminfo", f"MemTotal:  8388608 kB\nMemAvailable:   {6 * 1024 * 1024} kB\nHugePages_Total: 0\n"
    )
    return found


def test_a_machine_has_what_the_kernel_calls_available(write):
    assert free_memory(write.folder) == 6 * GiB


def test_a_container_of_version_2_has_its_limit_less_what_it_uses(write):
    write("proc/self/cgroup", "0::/box/inner\n")
    write("sys/fs/cgroup/box/inner/memory.max", "max\n")
    write("sys/fs/cgroup/box/inner/memory.current", GiB)
    write("sys/fs/cgroup/box/memory.max", 4 * GiB)
    write("sys/fs/cgroup/box/memory.current", 3 * GiB)
    write("sys/fs/cgroup/box/memory.stat", f"anon 5\ninactive_file {GiB}\n")
    assert free_memory(write.folder) == 2 * GiB  # pages of files that nobody uses can go


def test_a_container_that_sees_itself_as_the_root_is_found(write):
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/memory.max", 2 * GiB)
    write("sys/fs/cgroup/memory.current", GiB)
    assert free_memory(write.folder) == GiB


def test_a_container_of_version_1_is_found(write):
    write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/box\n0::/\n")
    write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", 3 * GiB)
    write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", 2 * GiB)
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", NO_LIMIT * 4)
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", 2 * GiB)
    assert free_memory(write.folder) == GiB


def test_what_is_used_up_is_nothing_and_not_less(write):
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/memory.max", GiB)
    write("sys/fs/cgroup/memory.current", 2 * GiB)
    assert free_memory(write.folder) == 0


def test_a_machine_that_does_not_tell_is_unknown(tmp_path):
    assert free_memory(tmp_path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_limit_of_the_process_itself_counts():
    code = (
        "import resource; from router.runtime.freememory import free_memory; before = free_memory();"
        "resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30)); print(free_memory() < 2 * 2**30)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "True"
