"""The package as it is installed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import amalthea
from amalthea import UserError

ROOT = Path(amalthea.__file__).parent
NOT_PACKAGES = {"tests", "benchmarks", "docs", "build"}


def test_pyproject_lists_every_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    there = {"amalthea"} | {
        ".".join(("amalthea", *path.parent.relative_to(ROOT).parts))
        for path in ROOT.glob("*/**/__init__.py")
        if path.relative_to(ROOT).parts[0] not in NOT_PACKAGES
        and not path.relative_to(ROOT).parts[0].startswith(".")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == there


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("layers", ("tensorflow", "jax", "torch", "cv2", "..data", "..pipelines")),
        ("data", ("..pipelines", "..serving")),
        ("serving", ("..pipelines", "..data")),
    ],
)
def test_imports_go_one_way(folder, forbidden):
    for path in (ROOT / folder).rglob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                # More dots lead to the same place from deeper folders.
                module = words[1].replace("....", "..").replace("...", "..")
                assert not module.startswith(forbidden), f"{path}: {line}"


def test_importing_the_package_loads_no_framework():
    code = (
        "import sys, amalthea, amalthea.pipelines; "
        "sys.exit(bool({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_layers_come_alone():
    code = (
        "import sys; from amalthea.layers import RandomResizedCrop; "
        "sys.exit(any(m.startswith(('amalthea.data', 'amalthea.pipelines', "
        "'amalthea.serving')) for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_user_error_is_one_line():
    error = UserError("is\nnot an image", "a.png", "Remove it")
    assert str(error) == "a.png: is not an image. Remove it"
    assert (error.where, error.mend) == ("a.png", "Remove it")
