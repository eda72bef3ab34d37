"""The style of figures, which Kedro draws side by side in threads of one process."""

import threading

import matplotlib

from alignment_pretraining.reporting.style import drawing


def test_a_figure_keeps_its_style_while_another_one_is_finished() -> None:
    before = matplotlib.rcParams["axes.grid"]
    begun, seen = threading.Event(), list[bool]()

    def draw() -> None:
        begun.set()
        with drawing():
            second.join(0.2)  # time for the other one to end
            seen.append(matplotlib.rcParams["axes.grid"])

    def draw_another() -> None:
        with drawing():
            first.start()
            begun.wait()

    first, second = threading.Thread(target=draw), threading.Thread(target=draw_another)
    second.start()
    second.join()
    first.join()
    assert seen == [True]
    assert matplotlib.rcParams["axes.grid"] == before is False
