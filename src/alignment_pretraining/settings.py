"""Kedro settings: how configuration is read and which hooks run."""

import warnings

from alignment_pretraining.context import EnvironmentConfigLoader, StudyContext
from alignment_pretraining.credentials import CredentialsHooks
from alignment_pretraining.lineage.hooks import LineageHooks
from alignment_pretraining.pipelines.progress import ProgressHooks
from alignment_pretraining.preflight import PreflightHooks

# A node of one arm may read the data of another (a shared checkpoint, every arm's results): the dots are namespaces.
warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")

# Kedro calls the last one first: a run that is refused shows no progress.
HOOKS = (ProgressHooks(), CredentialsHooks(), LineageHooks(), PreflightHooks())
# Telemetry is off. What kedro-viz would note of sequential runs alone, it is told from records (`lineage.viz`).
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz", "kedro_mlflow")

CONTEXT_CLASS = StudyContext
CONFIG_LOADER_CLASS = EnvironmentConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # The study, the blocklist and the paper's claims are parameters too, so that nodes and DVC can depend on any key.
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "study*", "blocklist*", "claims*"],
    },
    # An environment states only what differs from base.
    "merge_strategy": {"parameters": "soft"},
}
