"""The card of each repository."""

from alignment_pretraining.publishing import data_cards
from alignment_pretraining.publishing.contents import Repository
from alignment_pretraining.publishing.facts import Facts
from alignment_pretraining.publishing.model_card import model_card

CARD = "README.md"


def card_of(facts: Facts, repository: Repository) -> str:
    """Its text: Markdown with the head that the hub reads."""
    if repository.kind == "model":
        return model_card(facts, repository)
    of_data = {"suite": data_cards.suite_card, "results": data_cards.results_card}
    return of_data.get(repository.what, data_cards.texts_card)(facts, repository)
