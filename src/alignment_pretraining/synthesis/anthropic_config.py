"""The parameters of synthesis through an API."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from alignment_pretraining.core.spec import Fraction, Spec
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

    @model_validator(mode="after")
    def _every_model_has_a_price(self) -> Self:
        documents = (*self.documents.forms.values(), self.documents.second_opinion)
        asked = (self.questions.write, self.questions.strip, *documents, self.controls.call)
        unpriced = {call.model for call in asked if call and call.model not in self.api.prices}
        if unpriced:
            raise ValueError(f"api.prices: no price for {', '.join(sorted(unpriced))}; add one, with its date")
        return self
