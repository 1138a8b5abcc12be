"""What `dataclass` promises, by the standard library's own beside it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field

import pytest

from router.core import frozen


@frozen.dataclass(frozen=True, slots=True)
class Point:
    """A place."""

    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list, compare=False)
    secret: str = field(default="zebra", repr=False)


@frozen.dataclass(frozen=True, slots=True)
class Deep(Point):
    """A place under another."""

    z: int = 3


class Loose(Point):
    """Somebody's class derived from it."""


@frozen.dataclass(slots=True)
class Open:
    x: int
    sum: int = 0

    def __post_init__(self):
        self.sum += self.x


@frozen.dataclass(frozen=True, slots=True, eq=False)
class Alone:
    x: int


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    x: int = 1
    y: int


@pytest.mark.parametrize("place", [Point(1), Deep(1), Loose(1)])
def test_a_field_of_a_frozen_object_cannot_be_changed_or_deleted(place):
    with pytest.raises(FrozenInstanceError, match="'x'"):
        place.x = 7
    with pytest.raises(FrozenInstanceError, match="'y'"):
        del place.y
    assert (place.x, place.y) == (1, 2)


def test_a_derived_class_of_somebody_keeps_its_own_attributes_open():
    place = Loose(1)
    place.mine = 5
    assert (type(place), place.mine, place.tags) == (Loose, 5, [])
    del place.mine
    assert not hasattr(place, "mine")


def test_an_object_belongs_to_its_class_and_has_no_dictionary():
    assert type(Point(1)) is Point
    assert type(Deep(1)) is Deep
    assert not hasattr(Deep(1), "__dict__")
    with pytest.raises(FrozenInstanceError):
        Point(1).other = 1


def test_values_make_equal_and_the_same_hash_and_what_is_left_out_does_not_count():
    assert Point(1) == Point(1, 2, ["other"])
    assert hash(Point(1)) == hash(Point(1, 2, ["other"]))
    assert Point(1) != Point(2)
    assert Point(1) != Deep(1)
    assert Point(1) != 1


def test_a_class_without_equality_is_told_apart_and_an_open_one_has_no_hash():
    assert Alone(1) != Alone(1)
    assert len({Alone(1), Alone(1)}) == 2
    assert Open(1) == Open(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(1))


def test_a_print_shows_what_may_be_shown():
    assert repr(Deep(1, tags=["a"])) == "Deep(x=1, y=2, tags=['a'], z=3)"


def test_factories_make_anew_and_what_follows_the_making_is_called():
    assert Point(1).tags is not Point(1).tags
    assert Open(4).sum == 4


def test_arguments_are_checked_as_ever():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Point()
    with pytest.raises(TypeError, match="unexpected keyword argument 'w'"):
        Point(1, w=2)
    with pytest.raises(TypeError, match="positional"):
        Named(1)
    assert Named(y=2) == Named(x=1, y=2)


def test_a_signature_shows_types_and_defaults():
    assert str(inspect.signature(Named)) == "(*, x: 'int' = 1, y: 'int') -> None"


@pytest.mark.parametrize("place", [Point(1, 5, ["a"]), Deep(1, 2, ["b"], "s", 9), Loose(1)])
def test_copies_and_pickles_are_equal_and_frozen(place):
    for other in (copy.copy(place), copy.deepcopy(place), pickle.loads(pickle.dumps(place))):  # noqa: S301 - our own
        assert other == place
        assert other.tags == place.tags
        with pytest.raises(FrozenInstanceError):
            other.x = 2


def test_the_functions_of_the_standard_library_know_the_fields():
    assert [each.name for each in dataclasses.fields(Deep)] == ["x", "y", "tags", "secret", "z"]
    assert dataclasses.replace(Point(1), y=7) == Point(1, 7)
    assert dataclasses.asdict(Point(1)) == {"x": 1, "y": 2, "tags": [], "secret": "zebra"}
    assert Point.__match_args__ == ("x", "y", "tags", "secret")


def test_a_class_tells_what_it_is_called_with_before_and_after_it_is_called():
    @frozen.dataclass(frozen=True, slots=True)
    class Fresh:
        x: int
        y: int = 2

    assert list(inspect.signature(Fresh).parameters) == ["x", "y"]
    assert Fresh(1) == Fresh(1, 2)
    assert list(inspect.signature(Fresh).parameters) == ["x", "y"]


@pytest.mark.parametrize("made", [0, 1, 2])
@pytest.mark.parametrize(
    ("values", "named", "wrong"),
    [
        ((), {}, "missing 1 required positional argument: 'x'"),
        ((1, 2, 3), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
        ((1,), {"w": 1}, "unexpected keyword argument 'w'"),
    ],
)
def test_arguments_of_the_first_objects_are_checked_as_those_of_all_others(made, values, named, wrong):
    @frozen.dataclass(frozen=True, slots=True)
    class Fresh:
        x: int
        y: int = 2

    assert [Fresh(each) for each in range(made)] == [Fresh(x=each, y=2) for each in range(made)]
    with pytest.raises(TypeError, match=wrong):
        Fresh(*values, **named)
    assert Fresh(1) == Fresh(1, 2)


@pytest.mark.parametrize("frozen_", [False, True])
def test_the_first_object_is_as_the_second_one(frozen_):
    @frozen.dataclass(frozen=frozen_, slots=True)
    class Fresh:
        x: int
        y: int = 2
        z: list[int] = field(default_factory=list)
        seen: list[str] = field(default_factory=list, compare=False)

        def __post_init__(self):
            self.seen.append("made")

    one, other = Fresh(1, z=[3]), Fresh(1, z=[3])
    assert one == other
    assert (one.x, one.y, one.z, one.seen) == (other.x, other.y, other.z, other.seen) == (1, 2, [3], ["made"])
    assert Fresh(5, 6).z == []


def test_the_first_object_may_be_of_a_derived_class():
    @frozen.dataclass(frozen=True, slots=True)
    class Fresh:
        x: int

    class Derived(Fresh):
        pass

    assert [Derived(1).x, Fresh(2).x, Derived(x=3).x] == [1, 2, 3]


def test_a_derived_class_is_not_said_to_be_called_as_its_base():
    class Otherwise(Point):
        def __init__(self, place):
            super().__init__(place)

    assert list(inspect.signature(Otherwise).parameters) == ["place"]
    assert Otherwise(4).x == 4
