"""The mutations follow the code: each still fits it, and its tests are there. Whether they are caught is slower."""

import re
from pathlib import Path

import pytest

from devstack.state import root_of_checkout
from tests.mutants.mutation import Edit, Mutation, NotApplicable, apply
from tests.mutants.mutations import MUTATIONS

ROOT = root_of_checkout()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_fits_the_code(mutation: Mutation) -> None:
    for path, text in apply(mutation, ROOT).items():
        assert text != path.read_text()
    assert mutation.tests
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^ *(async )?def {name or 'test_'}", (ROOT / file).read_text(), re.MULTILINE), test


def test_names_are_told_apart() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("gone", "", "0 times, not once"),
        ("twice", "", "2 times, not once"),
        ("once = 1", "once = (", "is no Python any more"),
    ],
)
def test_mutation_that_does_not_fit_is_an_error(tmp_path: Path, old: str, new: str, why: str) -> None:
    (tmp_path / "code.py").write_text("once = 1\ntwice = 2\ntwice = 3\n")
    with pytest.raises(NotApplicable, match=why):
        apply(Mutation("any", "anything", [Edit("code.py", old, new)], ["test"]), tmp_path)
    with pytest.raises(NotApplicable, match="is not there"):
        apply(Mutation("any", "anything", [Edit("moved.py", old, new)], ["test"]), tmp_path)
