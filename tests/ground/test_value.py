"""Values are frozen, and what dataclasses does with one of its own works on them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import pprint
import sys

import pytest

from requests_cc.value import Value


class Place(Value):
    def __init__(self, name: str, *, floor: int = 0) -> None:
        self._set(name=name.lower(), floor=floor)

    name: str
    floor: int


def test_replace_gives_a_variation_that_goes_through_the_constructor() -> None:
    place = dataclasses.replace(Place("Hall", floor=2), name="ATTIC")
    assert (place.name, place.floor) == ("attic", 2)


def test_dataclasses_finds_its_fields() -> None:
    assert dataclasses.is_dataclass(Place)
    assert [field.name for field in dataclasses.fields(Place("hall"))] == ["name", "floor"]
    assert dataclasses.asdict(Place("hall")) == {"name": "hall", "floor": 0}


def test_pprint_shows_its_own_repr() -> None:
    class Shown(Place):
        def __repr__(self) -> str:
            return "<a place>"

    assert pprint.pformat({"where": Shown("hall")}) == "{'where': <a place>}"


def test_nothing_can_be_set_or_deleted() -> None:
    place = Place("hall")
    with pytest.raises(dataclasses.FrozenInstanceError, match="replace"):
        place.floor = 3
    with pytest.raises(dataclasses.FrozenInstanceError, match="replace"):
        del place.floor
    assert place.floor == 0


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copy_is_equal(copied) -> None:
    place = Place("hall", floor=2)
    assert copied(place) == place
    assert hash(copied(place)) == hash(place)


def test_values_of_other_settings_or_classes_differ() -> None:
    class Room(Place):
        pass

    assert Place("hall") != Place("hall", floor=1)
    assert Place("hall") != Room("hall")
    assert Place("hall") != "hall"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace is new in Python 3.13")
def test_copy_replace_gives_a_variation() -> None:
    assert copy.replace(Place("hall"), floor=1).floor == 1
