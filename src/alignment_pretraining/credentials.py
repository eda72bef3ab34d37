"""The API key: from the environment, or from `conf/local/credentials.yml`, which git ignores."""

from __future__ import annotations

import os

import yaml
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from alignment_pretraining.core.errors import UserError

VARIABLE = "ANTHROPIC_API_KEY"


class CredentialsHooks:
    """Puts the key of `anthropic: {api_key: …}` where the SDK looks for it: no dataset, record or log ever holds it."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the file, whatever the environment of the run (Kedro reads `local` only without one).

        Raises:
            UserError: the file is not of that form; the message holds nothing of it.
        """
        path = context.project_path / "conf/local/credentials.yml"
        if not path.is_file():
            return
        try:
            credentials = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            if not isinstance(credentials, dict):  # the key alone, or a list
                raise TypeError
            key = credentials["anthropic"]["api_key"] if "anthropic" in credentials else None
        except (yaml.YAMLError, ValueError, KeyError, TypeError):
            raise UserError(f"{path}: not of the form 'anthropic: {{api_key: …}}'; correct or remove it") from None
        if key:
            os.environ.setdefault(VARIABLE, str(key))
