"""The API key: from the environment, or from `conf/local/credentials.yml`, which git ignores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

VARIABLE = "ANTHROPIC_API_KEY"


class CredentialsHooks:
    """Puts the key of `anthropic: {api_key: …}` where the SDK looks for it: no dataset, record or log ever holds it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the file, unless the environment has a key already."""
        try:
            credentials: Mapping[str, Any] = context.config_loader["credentials"]
        except MissingConfigException:
            return
        key = (credentials.get("anthropic") or {}).get("api_key")
        if key:
            os.environ.setdefault(VARIABLE, str(key))
