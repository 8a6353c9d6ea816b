"""Faults of the model folder: what is loaded keeps answering."""

import os
import shutil
import socket
import threading

import pytest
from helpers.half_plus_two import save_half_plus_two
from helpers.model_server import HOST, embedded_server, free_port, wait_until
from serving_checks import (
    assert_answers,
    copy_slowly,
    is_available,
    save_halves,
    states,
)

from amalthea.errors import UserError


@pytest.fixture
def models(tmp_path):
    """A folder with version 1 of half_plus_two."""
    save_halves(tmp_path / "models" / "half_plus_two", 1, tmp_path)
    return tmp_path / "models"


def test_a_model_folder_that_is_moved_away_changes_nothing(models, tmp_path):
    with embedded_server(models) as address:
        os.rename(models / "half_plus_two", tmp_path / "away")
        # A version published beside it shows that the folders were looked at.
        save_halves(models / "other", 1, tmp_path)
        wait_until(lambda: is_available(address, 1, "other"))
        assert_answers(address)
        os.rename(tmp_path / "away", models / "half_plus_two")
        save_halves(models / "half_plus_two", 2, tmp_path)
        wait_until(lambda: is_available(address, 2))
        assert_answers(address)


def test_a_model_that_is_deleted_while_it_is_asked(models, tmp_path):
    """It may be gone at once or stay; it never fails in another way."""
    stop = threading.Event()
    replies = []

    def ask():
        while not stop.is_set():
            replies.append(address.predict("half_plus_two", {"inputs": [1.0]}))

    with embedded_server(models) as address:
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            shutil.rmtree(models / "half_plus_two")
            save_halves(models / "other", 1, tmp_path)
            wait_until(lambda: is_available(address, 1, "other"))
            save_halves(models / "half_plus_two", 2, tmp_path)
            wait_until(lambda: is_available(address, 2))
        finally:
            stop.set()
            thread.join()
        assert {reply.status for reply in replies} <= {200, 404}
        assert all(
            reply.json() == {"outputs": [2.5]}
            for reply in replies
            if reply.status == 200
        )
        assert_answers(address)


def test_the_whole_folder_of_models_is_deleted(models):
    with embedded_server(models) as address:
        shutil.rmtree(models)
        reply = address.predict("half_plus_two", {"inputs": [1.0]})
        assert reply.status in (200, 404)
        assert address.ask("GET", "/v1/models/half_plus_two").status in (200, 404)
        assert address.ask("GET", "/healthz").status == 200


def test_a_version_that_is_copied_file_by_file(models, tmp_path):
    """The worst order: a server sees `saved_model.pb` before the variables."""
    source = save_half_plus_two(tmp_path / "source", offset=2.0)
    with embedded_server(models) as address:

        def check():
            reply = address.predict("half_plus_two", {"inputs": [1.0]})
            assert (reply.status, reply.json()) == (200, {"outputs": [2.5]})
            wait_until(lambda: 2 in states(address))
            assert_answers(address)

        copy_slowly(source, models / "half_plus_two" / "2", check)
        # Whether it is tried again or not, the model is served, and told about.
        wait_until(lambda: states(address)[2]["state"] in ("AVAILABLE", "END"))
        assert_answers(address)
        assert is_available(address, 1) or is_available(address, 2)
        save_halves(models / "half_plus_two", 3, tmp_path)
        wait_until(lambda: is_available(address, 3))
        assert_answers(address)


def damage_graph(version):
    (version / "saved_model.pb").write_bytes(b"\x08\x01\xff\xff damaged")


def empty_graph(version):
    (version / "saved_model.pb").write_bytes(b"")


def cut_graph(version):
    path = version / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:1000])


def remove_graph(version):
    (version / "saved_model.pb").unlink()


def remove_variables(version):
    shutil.rmtree(version / "variables")


def cut_variables(version):
    for path in (version / "variables").iterdir():
        path.write_bytes(path.read_bytes()[:3])


def damage_warm_up(version):
    (version / "assets.extra").mkdir()
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(
        b"damaged" * 10
    )


def damage_batching(version):
    (version / "batching_params.pbtxt").write_text("max_batch_size { value: what }")


@pytest.mark.parametrize(
    "damage",
    [
        damage_graph,
        empty_graph,
        cut_graph,
        remove_graph,
        remove_variables,
        cut_variables,
        damage_warm_up,
        damage_batching,
    ],
)
def test_a_damaged_version_beside_a_good_one(models, tmp_path, damage):
    partial = save_half_plus_two(tmp_path / "partial", offset=5.0)
    damage(partial)
    with embedded_server(models) as address:
        os.rename(partial, models / "half_plus_two" / "2")
        wait_until(lambda: states(address).get(2, {}).get("state") == "END")
        status = states(address)[2]["status"]
        assert status["error_code"] != "OK"
        assert status["error_message"]
        assert is_available(address, 1)
        assert_answers(address)
        # The next good version is served all the same.
        save_halves(models / "half_plus_two", 3, tmp_path)
        wait_until(lambda: is_available(address, 3))
        assert_answers(address)


def test_a_model_without_a_good_version_stops_the_start(models, tmp_path):
    """As TensorFlow Serving, which ends if a model does not become available."""
    threads = set(threading.enumerate())
    partial = save_half_plus_two(tmp_path / "partial")
    damage_graph(partial)
    (models / "damaged").mkdir()
    os.rename(partial, models / "damaged" / "1")
    with pytest.raises(UserError) as raised, embedded_server(models):
        pass
    assert "damaged" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not set(threading.enumerate()) - threads


@pytest.mark.parametrize("which", ["rest_port", "grpc_port"])
def test_a_port_in_use_is_told_in_one_line(models, which):
    threads = set(threading.enumerate())
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        server = embedded_server(models, **{which: port})
        with pytest.raises(UserError) as raised, server:
            pass
    assert str(port) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not set(threading.enumerate()) - threads


def test_a_port_is_free_again_after_the_server(models):
    ports = {"rest_port": free_port(), "grpc_port": free_port()}
    for _ in range(2):
        with embedded_server(models, **ports) as address:
            assert_answers(address)
