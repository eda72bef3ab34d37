"""What is wrong in a configuration is told with its file, its key and what is allowed."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, RootModel, ValidationError, model_validator

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.spec import Fraction, Positive, Share, Spec, explain_problem, parse, suggestion


class Rate(Spec):
    at: Fraction
    kind: Literal["flat", "falling"] = "flat"


class Files(Spec):
    files: str
    lines: Positive = 1


class Hub(Spec):
    hub: str
    revision: str = "main"


class Named(RootModel[dict[str, Rate]]):
    """Rates by name."""


class Study(Spec):
    name: str
    rates: dict[str, Rate] = {}
    sources: list[Annotated[Files | Hub, Field(union_mode="left_to_right")]] = []
    steps: Positive | None = None
    held: Share = 0.0
    named: Named = Named({})

    @model_validator(mode="after")
    def _named(self) -> "Study":
        if self.name == "none":
            raise ValueError("name: none is no name")
        return self


def _said(**values: Any) -> str:
    with pytest.raises(UserError) as error:
        parse(Study, {"name": "a"} | values, "conf/study.yml", "study")
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"name": 3}, "study.name: Input should be a valid string (got 3)"),
        ({"nmae": "x"}, "study.nmae: unknown key; allowed here: name, rates, sources, steps, held, named"),
        ({"rates": {"lr": {}}}, "study.rates.lr.at: missing; add it"),
        ({"rates": {"lr": {"at": 2}}}, "study.rates.lr.at: Input should be less than or equal to 1 (got 2)"),
        ({"rates": {"lr": {"at": 1, "of": 1}}}, "study.rates.lr.of: unknown key; allowed here: at, kind"),
        (
            {"rates": {"lr": {"at": 1, "kind": "up"}}},
            "study.rates.lr.kind: Input should be 'flat' or 'falling' (got 'up')",
        ),
        ({"named": {"lr": {"at": 1, "of": 1}}}, "study.named.lr.of: unknown key; allowed here: at, kind"),
        ({"rates": []}, "study.rates: Input should be a valid dictionary"),
        ({"steps": 0}, "study.steps: Input should be greater than 0 (got 0)"),
        ({"held": 1.0}, "study.held: Input should be less than 1 (got 1.0)"),
        ({"name": "none"}, "study: name: none is no name"),
    ],
)
def test_each_wrong_key_has_its_line(values: dict[str, Any], line: str) -> None:
    assert _said(**values) == f"conf/study.yml: 1 to correct:\n  {line}"


def test_all_that_is_wrong_is_told_at_once() -> None:
    lines = _said(name=None, steps=-1, held=2).splitlines()
    assert lines[0] == "conf/study.yml: 3 to correct:"
    assert [line.split(":")[0] for line in lines[1:]] == ["  study.name", "  study.steps", "  study.held"]


def test_an_element_of_a_list_has_its_number_and_each_kind_its_keys() -> None:
    said = _said(sources=[{"files": "a"}, {"fils": "b"}])
    assert "study.sources.1.Files.files: missing" in said
    assert "study.sources.1.Hub.hub: missing" in said
    assert "study.sources.1.Files.fils: unknown key; allowed here: files, lines" in said
    assert "study.sources.1.Hub.fils: unknown key; allowed here: files, lines, hub, revision" in said


def test_what_is_no_mapping_at_all_is_the_whole_file() -> None:
    with pytest.raises(
        UserError, match=r"^a\.yml: 1 to correct:\n  the whole file: Input should be a valid dictionary"
    ):
        parse(Study, ["name"], "a.yml")
    with pytest.raises(UserError, match=r"^a\.yml: 1 to correct:\n  name: missing; add it$"):
        parse(Study, {}, "a.yml")


def test_long_values_are_cut_and_big_ones_are_not_repeated() -> None:
    assert _said(steps="x" * 500).endswith(f"(got {'x' * 60!r})")
    assert "secret" not in _said(name={"key": "secret"})
    assert "secret" not in _said(key="secret"), "the value of an unknown key may be one"


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none())))
def test_whatever_stands_in_a_file_is_refused_with_its_name_or_read(values: dict[str, Any]) -> None:
    try:
        found = parse(Study, values, "some.yml")
    except UserError as error:
        head, *lines = str(error).splitlines()
        assert head.startswith("some.yml: ") and lines
    else:
        assert found.name == values["name"]


def _problem(values: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        Study.model_validate(values)
    return error.value.errors()[0]


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({"name": "a", "step": 3}, " (did you mean steps?)"),
        ({"name": "a", "rates": {"lr": {"at": 1, "kin": 1}}}, " (did you mean kind?)"),
        ({"name": "a", "zzz": 3}, ""),
        ({"name": 3}, ""),
        ([], ""),
    ],
)
def test_the_key_that_was_meant_is_asked_for(values: Any, asked: str) -> None:
    assert suggestion(_problem(values), Study) == asked


def test_a_wrong_key_of_a_dict_is_named_without_pydantics_own_mark() -> None:
    class Counts(Spec):
        of: dict[Literal["a", "b"], int]

    with pytest.raises(ValidationError) as error:
        Counts.model_validate({"of": {"c": 1}})
    assert explain_problem(error.value.errors()[0], Counts) == "of.c: Input should be 'a' or 'b' (got 'c')"


def test_nothing_changes_after_validation() -> None:
    study = Study(name="a")
    with pytest.raises(ValidationError, match="frozen"):
        study.name = "b"
