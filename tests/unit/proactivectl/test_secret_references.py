"""Secrets come from the environment or from files, and from nowhere else."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from proactivectl.secret_references import Reference


def test_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_TOKEN", "s3cret")

    assert Reference.parse("env:SOME_TOKEN").resolve(tmp_path) == "s3cret"


def test_secret_of_a_file_beside_the_declaration_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")

    assert Reference.parse("file:token").resolve(tmp_path) == "s3cret"
    assert Reference.parse(f"file:{tmp_path}/token").resolve(Path("/")) == "s3cret"


@pytest.mark.parametrize("reference", ["env:NOT_THERE", "file:not-there", "file:empty", "file:binary"])
def test_secret_that_is_not_there_is_named(reference: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")

    with pytest.raises(ValueError, match=reference.partition(":")[2]):
        Reference.parse(reference).resolve(tmp_path)


@pytest.mark.parametrize("typed", ["s3cret", "env:", "file:", "", "pass:s3cret"])
def test_literal_secret_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(ValueError, match="env:NAME or file:PATH") as raised:
        Reference.parse(typed)

    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("written", [{}, {"env": "A", "file": "B"}])
def test_reference_names_exactly_one_place(written: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Reference.model_validate(written)
