"""The garbage collector waits while a file is compiled, and only then."""

from __future__ import annotations

import gc

import pytest

from router.compile.collector import collector_paused


@pytest.fixture
def running():
    was = gc.isenabled()
    gc.enable()
    yield
    gc.unfreeze()
    (gc.enable if was else gc.disable)()


@pytest.mark.usefixtures("running")
def test_it_waits_until_the_end_whatever_happens():
    with pytest.raises(ValueError, match="inside"), collector_paused():
        assert not gc.isenabled()
        raise ValueError("inside")
    assert gc.isenabled()


@pytest.mark.usefixtures("running")
def test_a_program_that_does_without_it_keeps_doing_so():
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


@pytest.mark.usefixtures("running")
def test_objects_that_a_program_has_frozen_stay_frozen():
    gc.freeze()
    frozen = gc.get_freeze_count()
    with collector_paused():
        pass
    assert gc.get_freeze_count() >= frozen - 100
    assert gc.isenabled()
