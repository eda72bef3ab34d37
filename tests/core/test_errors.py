"""What a user meant, as far as it can be guessed."""

import errno

import pytest

from alignment_pretraining.core.errors import did_you_mean, storage_fault


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("trainig", ["training", "evaluation"], " (did you mean training?)"),
        ("Training", ["training", "evaluation"], " (did you mean training?)"),
        ("gpu", ["tests", "base"], ""),
        ("training", [], ""),
    ],
)
def test_a_name_that_is_near_is_asked_for(name: str, known: list[str], said: str) -> None:
    assert did_you_mean(name, iter(known)) == said


def _wrapped(inner: BaseException, *, explicitly: bool) -> BaseException:
    """An error that was raised while another was handled."""
    try:
        try:
            raise inner
        except BaseException as error:
            if explicitly:
                raise RuntimeError("could not save") from error
            raise RuntimeError("could not save")  # noqa: B904 - what libraries do
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize("explicitly", [False, True])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "data/a.ds: the disk is full (No space left on device); make room and run again"),
        (errno.EDQUOT, "data/a.ds: the disk is full (Disk quota exceeded); make room"),
        (errno.EFBIG, "data/a.ds: the disk is full (File too large); make room"),
        (errno.EROFS, "data/a.ds: Read-only file system; give yourself access, or work in a copy"),
        (errno.EACCES, "data/a.ds: Permission denied; give yourself access"),
    ],
)
def test_the_file_is_named_however_the_error_was_wrapped(number: int, said: str, explicitly: bool) -> None:
    import os

    inner = OSError(number, os.strerror(number), "data/a.ds")
    assert (storage_fault(_wrapped(inner, explicitly=explicitly)) or "").startswith(said)


def test_an_error_of_which_only_the_text_arrived_is_told() -> None:
    assert storage_fault(RuntimeError("I/O error: No space left on device (os error 28)")) == (
        "the disk is full; make room and run again: what is finished stays"
    )
    assert storage_fault(RuntimeError("a.db: attempt to write a readonly database")) == (
        "a.db: attempt to write a readonly database; give yourself access, or work in a copy"
    )
