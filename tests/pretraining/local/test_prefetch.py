"""Reading ahead changes neither what is read nor the error that ends it."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment_pretraining.pretraining.local.prefetch import read_ahead


@given(st.lists(st.integers() | st.text(max_size=2) | st.just([])))
def test_items_come_in_order_and_falsy_ones_too(items: list[object]) -> None:
    assert list(read_ahead(iter(items))) == items


def test_one_item_is_read_while_another_is_in_use_and_no_more() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    reading = read_ahead(items())
    assert next(reading) == 0
    assert begun[1].wait(30)
    assert next(reading) == 1 and begun[2].wait(30)
    assert not begun[3].is_set()
    reading.close()  # type: ignore[attr-defined]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    taken = []
    with pytest.raises(OSError, match="the disk is gone"):
        for item in read_ahead(items()):
            taken.append(item)
    assert taken == [1, 2]
