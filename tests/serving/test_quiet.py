import logging

import pytest

from amalthea.serving.quiet import error_line, quiet_tensorflow


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no space", "no space"),
        ("Graph execution error:\n\nno PNG.\n\t [[{{node a}}]]", "no PNG."),
        ("2 root error(s) found.\n  (0) INVALID_ARGUMENT: no PNG.\n", "no PNG."),
        ("{{function_node __wrapped__}} disk full [Op:SaveV2]", "disk full"),
        ("", "ValueError"),
    ],
)
def test_the_reason_alone_is_left(text, line):
    assert error_line(ValueError(text)) == line


def test_errors_are_still_shown_and_levels_come_back(caplog):
    logger = logging.getLogger("tensorflow")
    level = logger.level
    with quiet_tensorflow():
        logger.warning("chatter")
        logger.error("trouble")
    assert logger.level == level
    assert caplog.messages == ["trouble"]
