import copy
import importlib.metadata
import pickle

import pytest

from amalthea.serving import Client


class _Point:
    name = "count"

    def load(self):
        return lambda client, *args, **options: (client, args, options)


@pytest.fixture
def asking(monkeypatch):
    def entry_points(*, group):
        return [_Point()] if group == "amalthea.client" else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return Client("http://127.0.0.1:9")


def test_a_helper_is_a_method(asking):
    assert asking.count("a", top=3) == (asking, ("a",), {"top": 3})
    assert {"count", "predict"} <= set(dir(asking))


def test_an_unknown_name_says_what_there_is(asking):
    with pytest.raises(AttributeError, match="'shout'.*installed tasks: count"):
        asking.shout()
    assert not hasattr(asking, "_private")


def test_looking_for_special_methods_finds_no_helper(asking):
    # A client holds connections and a lock: neither can be pickled.
    with pytest.raises(TypeError, match="lock"):
        pickle.dumps(asking)
    with pytest.raises(TypeError, match="lock"):
        copy.deepcopy(asking)
