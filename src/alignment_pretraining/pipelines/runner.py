"""The runner of this project: nodes that don't depend on each other run side by side, one a core."""

import os

from kedro.runner import ThreadRunner


class CoreRunner(ThreadRunner):
    """Kedro's ThreadRunner with one worker a core.

    A small model trains on one thread nearly as fast as on two, so two seeds side by side use two cores best; and a
    result must not depend on how many cores the machine has, so each node keeps to `training.threads`.
    """

    def __init__(self, is_async: bool = False) -> None:
        super().__init__(max_workers=os.cpu_count(), is_async=is_async)
