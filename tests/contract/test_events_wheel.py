"""The contracts as other teams get them: one wheel that needs pydantic and nothing else of ours."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from proactive_contracts.codec import EVENT_TYPES
from proactive_contracts.schemas import file_name

PROJECT = Path(__file__).parents[2] / "libs" / "contracts"
PYDANTIC = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")

LOOK = """
import sys
sys.path[:0] = sys.argv[1:]
import importlib, json, pkgutil
import proactive_contracts
from importlib import resources
for module in pkgutil.walk_packages(proactive_contracts.__path__, "proactive_contracts."):
    importlib.import_module(module.name)
from proactive_contracts.codec import decode
package = resources.files("proactive_contracts")
assert str(proactive_contracts.__file__).startswith(sys.argv[1]), proactive_contracts.__file__
print(len([decode(file.read_bytes()) for file in (package / "examples").iterdir()]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("proactive_contracts-*.whl"))


def test_wheel_holds_the_schemas_the_examples_and_the_types_marker(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    names = [file_name(payload) for payload in EVENT_TYPES]
    wanted = {f"proactive_contracts/{folder}/{name}" for folder in ("schemas", "examples") for name in names}
    assert wanted | {"proactive_contracts/py.typed", "proactive_contracts/codec.py"} <= held
    assert not [name for name in held if "cache" in name or name.startswith("tests")]


def test_wheel_says_that_it_must_not_be_uploaded_and_needs_pydantic_alone(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    assert "Classifier: Private :: Do Not Upload" in lines
    assert [line for line in lines if line.startswith("Requires-Dist:")] == ["Requires-Dist: pydantic<3,>=2.11"]


def test_wheel_imports_and_reads_its_examples_with_pydantic_alone(wheel: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    zipfile.ZipFile(wheel).extractall(ours)
    theirs.mkdir()
    for name in PYDANTIC:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        place = Path(spec.origin)
        place = place.parent if place.name == "__init__.py" else place
        (theirs / place.name).symlink_to(place)
    look = [sys.executable, "-I", "-S", "-W", "error", "-c", LOOK, str(ours), str(theirs)]
    done = subprocess.run(look, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(EVENT_TYPES))
