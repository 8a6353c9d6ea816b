"""Says which backend the layers are tested on."""

import keras


def pytest_report_header():
    return f"keras backend: {keras.backend.backend()}"
