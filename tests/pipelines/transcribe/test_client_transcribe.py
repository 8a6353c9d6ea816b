"""`Client.transcribe` against a server that is made up."""

import base64
import json

import pytest
from helpers.fake_serving import FakeRest
from helpers.wav_files import encode_wav, noise

from amalthea import UserError
from amalthea.pipelines.transcribe.client import transcribe
from amalthea.pipelines.transcribe.results import Word
from amalthea.serving import Client, client

WAV = encode_wav(noise(100))


def _info(dtype, *shape):
    axes = [{"size": str(axis)} for axis in (-1, *shape)]
    return {"dtype": dtype, "tensor_shape": {"dim": axes}}


OUTPUTS = {
    "text": _info("DT_STRING"),
    "score": _info("DT_FLOAT"),
    "words": _info("DT_STRING", -1),
    "word_starts": _info("DT_FLOAT", -1),
    "word_ends": _info("DT_FLOAT", -1),
    "word_confidence": _info("DT_FLOAT", -1),
    "word_count": _info("DT_INT32"),
    "valid": _info("DT_BOOL"),
    "error": _info("DT_STRING"),
}


def _answer(*texts):
    """One word for each recording; an empty one is a bad recording."""
    return 200, {
        "outputs": {
            "text": texts,
            "score": [-0.5 if text else 0.0 for text in texts],
            "words": [[text, ""] for text in texts],
            "word_starts": [[0.25 if text else 0.0, 0.0] for text in texts],
            "word_ends": [[0.5 if text else 0.0, 0.0] for text in texts],
            "word_confidence": [[0.75 if text else 0.0, 0.0] for text in texts],
            "word_count": [int(bool(text)) for text in texts],
            "valid": [bool(text) for text in texts],
            "error": ["" if text else "not a WAV file" for text in texts],
        }
    }


def _server(*answers, outputs=OUTPUTS):
    signature = {"inputs": {"wav_bytes": _info("DT_STRING")}, "outputs": outputs}
    signatures = {"serving_default": signature}
    metadata = {"metadata": {"signature_def": {"signature_def": signatures}}}
    return FakeRest(
        {
            "GET /v1/models/m/metadata": [(200, metadata)],
            "POST /v1/models/m:predict": list(answers),
        }
    )


def _sent(server):
    bodies = [json.loads(body) for verb, _, body in server.requests if verb == "POST"]
    return [
        [base64.b64decode(item["b64"]) for item in body["inputs"]["wav_bytes"]]
        for body in bodies
    ]


def test_recordings_go_in_parts_and_keep_their_order(tmp_path):
    (tmp_path / "b.wav").write_bytes(WAV)
    steps = [_answer("häta", ""), _answer("so")]
    with _server(*steps) as server, Client(server.url, batch_size=2) as asking:
        found = transcribe(asking, [WAV, b"RIFF", tmp_path / "b.wav"], "m")
        sent = _sent(server)
    assert sent == [[WAV, b"RIFF"], [WAV]]
    first, bad, last = found
    assert first.words == (Word("häta", 0.25, 0.5, 0.75),) and first.score == -0.5
    assert (first.source, first.text) == ("input 0", "häta")
    assert (bad.valid, bad.error, bad.words) == (False, "not a WAV file", ())
    assert (last.source, last.text) == (str(tmp_path / "b.wav"), "so")


def test_why_a_recording_cannot_be_read_is_told():
    with _server(_answer("a", "")) as server, Client(server.url) as asking:
        good, bad = transcribe(asking, [WAV, b"fLaC and no more"], "m")
        assert _sent(server) == [[WAV, b""]]
    assert (good.text, good.error) == ("a", "")
    assert (bad.source, bad.valid, bad.text) == ("input 1", False, "")
    assert "is no recording that can be read" in bad.error


def test_without_a_limit_sixteen_go_at_a_time():
    steps = [_answer(*["a"] * 16), _answer(*["b"] * 4)]
    with _server(*steps) as server, Client(server.url, batch_size=None) as asking:
        found = transcribe(asking, [WAV] * 20, "m")
        assert [len(part) for part in _sent(server)] == [16, 4]
    assert [each.text for each in found] == ["a"] * 16 + ["b"] * 4


def test_a_missing_file_is_told_before_anything_is_sent(tmp_path):
    with _server(_answer("a")) as server, Client(server.url) as asking:
        with pytest.raises(UserError, match="no such file"):
            transcribe(asking, [WAV, tmp_path / "gone.wav"], "m")
        assert _sent(server) == []


def test_a_model_that_is_no_recogniser_is_told_by_what_it_lacks():
    outputs = {name: OUTPUTS[name] for name in ("score", "valid", "error")}
    with (
        _server(outputs=outputs) as server,
        Client(server.url) as asking,
        pytest.raises(client.InvalidArgument, match="it lacks text, words, word_"),
    ):
        transcribe(asking, [WAV], "m")
