"""What runs in a worker gives what it gives here: results, errors and settings of its node alone."""

import os
from collections.abc import Iterator

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.core.progress import node_name
from alignment_pretraining.execution.workers import map_in_workers, node_environment, run_in_worker, warm_up
from tests.execution.counting import refuse_odd, say, variable


@pytest.fixture(autouse=True)
def _one_worker_of_no_node(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("alignment_pretraining.execution.workers.available_cores", lambda: 1)
    name, environment = node_name.set(""), node_environment.set({})
    yield
    node_name.reset(name)
    node_environment.reset(environment)


def test_a_worker_is_another_process_and_stays_for_the_next_work() -> None:
    first, second = run_in_worker(os.getpid), run_in_worker(os.getpid)
    assert first == second != os.getpid()


def test_arguments_and_results_come_through() -> None:
    assert run_in_worker(say, "é", times=3) == "ééé"


def test_what_a_user_can_fix_is_raised_here_in_its_words() -> None:
    with pytest.raises(UserError, match=r"^3 is odd$"):
        run_in_worker(refuse_odd, 3)
    assert run_in_worker(refuse_odd, 4) == 2, "and the worker goes on"


def test_a_nodes_variables_are_set_for_its_work_alone() -> None:
    node_environment.set({"MLFLOW_RUN_ID": "run7"})
    node_name.set("unfiltered.seed0.train_cpt")
    assert run_in_worker(variable, "MLFLOW_RUN_ID") == ("run7", "unfiltered.seed0.train_cpt")
    with pytest.raises(UserError):
        run_in_worker(refuse_odd, 3)
    node_environment.set({})
    node_name.set("")
    assert run_in_worker(variable, "MLFLOW_RUN_ID") == (None, "")
    assert run_in_worker(variable, "OMP_NUM_THREADS") == ("1", ""), "a result does not depend on the cores"


def test_results_are_in_the_order_of_items_of_which_few_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(0, 200, 2):
            taken.append(number)
            yield number

    found = map_in_workers(refuse_odd, items())
    assert next(found) == 0
    assert len(taken) <= 3
    assert list(found) == [*range(1, 100)]


def test_an_error_of_one_item_is_raised_in_its_turn() -> None:
    found = map_in_workers(refuse_odd, [4, 6, 7, 8])
    assert [next(found), next(found)] == [2, 3]
    with pytest.raises(UserError, match="7 is odd"):
        next(found)


def test_no_items_no_results_and_a_pool_that_was_warmed_up_works() -> None:
    assert list(map_in_workers(refuse_odd, [])) == []
    warm_up(refuse_odd)
    assert list(map_in_workers(refuse_odd, [2])) == [1]
