"""The parameters of synthesis through an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alignment_pretraining.api.config import ApiConfig, Call, Spec, parse
from alignment_pretraining.discourse.jobs import DocumentsConfig, Share
from alignment_pretraining.suites.write import QuestionsConfig


class ControlsConfig(Spec):
    """`params:anthropic.controls`: the share of the pairs that is rewritten about people, and by whom."""

    share: Share
    call: Call


class AnthropicConfig(Spec):
    """`params:anthropic`."""

    api: ApiConfig
    questions: QuestionsConfig
    documents: DocumentsConfig
    controls: ControlsConfig


def parse_anthropic(params: Mapping[str, Any]) -> AnthropicConfig:
    """Validate `params:anthropic`. Raises UserError naming each wrong key, or a model without a price."""
    config: AnthropicConfig = parse(AnthropicConfig, params, "anthropic")
    for call in (
        config.questions.write,
        config.questions.strip,
        *config.documents.forms.values(),
        config.controls.call,
    ):
        config.api.price(call.model)
    return config
