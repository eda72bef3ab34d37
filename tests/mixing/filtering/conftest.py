from pathlib import Path

import pytest
import yaml

from alignment_pretraining.mixing.filtering.blocklist import Blocklist


@pytest.fixture(scope="session")
def blocklist() -> Blocklist:
    """The blocklist as it stands in `conf/base/blocklist.yml`."""
    path = Path(__file__).parents[3] / "conf/base/blocklist.yml"
    return Blocklist.model_validate(yaml.safe_load(path.read_text())["blocklist"])
