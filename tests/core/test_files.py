from alignment_pretraining.core.files import numbered


def test_names_of_files_sort_by_number() -> None:
    assert [numbered(number, 100_000) for number in (0, 99_999)] == ["00000", "99999"]
    names = [numbered(number, 100_001) for number in (2, 10_000, 99_999, 100_000)]
    assert names == sorted(names)
