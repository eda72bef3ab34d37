"""What a message says of drift: each command once, with the first causes."""

from alignment_pretraining.lineage.drift import Drift, by_command


def test_reasons_stand_under_the_command_that_mends_them() -> None:
    drifts = [Drift(f"d{n}", f"code {n} changed", f"kedro run --env test --pipelines p{n % 8}") for n in range(40)]
    texts = by_command([*drifts, Drift("raw", "there is nothing at raw", None)])
    assert len(texts) == 7
    assert texts[0].splitlines() == [
        "d0: code 0 changed",
        "    d8: code 8 changed",
        "    d16: code 16 changed",
        "    … and 2 more",
        "      make it again: kedro run --env test --pipelines p0",
    ]
    assert texts[6] == "… and 11 more, with 3 other commands"
    assert by_command(drifts[:1]) == ["d0: code 0 changed\n      make it again: kedro run --env test --pipelines p0"]
