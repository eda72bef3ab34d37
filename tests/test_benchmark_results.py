"""What benchmarks keep says where it comes from."""

import json
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
KEPT = sorted((BENCHMARKS / "results").glob("*.json"))
KEYS = {"benchmark", "arguments", "date", "commit", "dirty", "hardware", "versions", "found"}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_a_kept_result_names_hardware_versions_and_commit(path: Path) -> None:
    result = json.loads(path.read_text())
    assert result.keys() == KEYS
    assert result["benchmark"] == path.stem
    assert result["hardware"].keys() == {"processor", "cores", "memory_gib", "gpus", "load"}
    assert result["commit"] and result["found"]
    assert {"python"} < result["versions"].keys()


def test_a_result_is_written_in_place_of_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import results

    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(results, "FOLDER", tmp_path / "benchmarks/results")
    results.write_result("speed", {"mb_per_second": 1.0}, ["numpy"])
    path = results.write_result("speed", {"mb_per_second": 2.0}, ["numpy"])
    found = json.loads(path.read_text())
    assert found.keys() == KEYS
    assert found["found"] == {"mb_per_second": 2.0}
    assert found["commit"] is None, "no repository"
    with pytest.raises(ValueError, match="JSON"):
        results.write_result("speed", float("nan"), ["numpy"])
