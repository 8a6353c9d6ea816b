"""Every row of the REST part of the conformance table, over a real socket."""

import json
import re

import pytest
from cases import REST_CASES


@pytest.mark.parametrize("case", REST_CASES, ids=lambda case: case.name)
def test_rest_answers_as_tensorflow_serving_does(table_server, case):
    reply = table_server.ask(case.method, case.path, case.body, case.headers)
    assert reply.status == case.status, reply.text
    if case.which != "status":
        check_answer(case, reply)


def check_answer(case, reply):
    if case.path.lower().startswith("/v1/"):
        assert reply.headers["content-type"] == "application/json"
    if case.which == "text":
        assert reply.text == case.answer
    elif case.which == "json":
        assert as_written(reply.text) == as_written(case.answer)
    elif case.which == "part":
        check_part(reply.json(), case.answer)
    elif case.which == "regex":
        assert re.search(case.answer, reply.text)
    else:
        answer = reply.json()
        assert answer.keys() == {"error"}
        if case.which == "error":
            assert answer["error"] == case.answer
        else:
            assert re.search(case.answer, answer["error"]), answer["error"]


def as_written(text):
    """Reads JSON with each number as the characters it is written with."""

    def number(token):
        return ("number", token)

    return json.loads(text, parse_float=number, parse_int=number, parse_constant=number)


def check_part(value, part):
    if isinstance(part, dict):
        for key in part:
            check_part(value[key], part[key])
    else:
        assert value == part


def test_names_are_unique():
    names = [case.name for case in REST_CASES]
    assert len(set(names)) == len(names)
