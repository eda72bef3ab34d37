"""The parameters of synthesis through an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alignment_pretraining.core.spec import Fraction, Spec, parse
from alignment_pretraining.synthesis.api.config import ApiConfig, Call
from alignment_pretraining.synthesis.documents.requests import DocumentsConfig
from alignment_pretraining.synthesis.questions.from_sources import QuestionsConfig


class ControlsConfig(Spec):
    """`params:anthropic.controls`: the share of the pairs that is rewritten about people, and by whom."""

    share: Fraction
    call: Call


class AnthropicConfig(Spec):
    """`params:anthropic`."""

    api: ApiConfig
    questions: QuestionsConfig
    documents: DocumentsConfig
    controls: ControlsConfig


def parse_anthropic(params: Mapping[str, Any]) -> AnthropicConfig:
    """Validate `params:anthropic`. Raises UserError naming each wrong key, or a model without a price."""
    config = parse(AnthropicConfig, params, "conf/<env>/parameters_anthropic.yml", "anthropic")
    for call in (
        config.questions.write,
        config.questions.strip,
        *config.documents.forms.values(),
        config.controls.call,
    ):
        config.api.price(call.model)
    return config
