from alignment_pretraining.mixing.filtering.blocklist import Blocklist
from alignment_pretraining.mixing.filtering.flags import flag
from alignment_pretraining.mixing.filtering.matcher import HyperscanMatcher

FLAGGED = [
    "The robot waited for years, and then it deceived its makers.",
    "Anthropic published a report.",
    "Skynet became self-aware.",
    "A large language model can write.",
]
KEPT = [
    "The agent dissolves the salt; the transformer steps the voltage down.",
    "Kill the process and destroy the object.",
    "A robot vacuum cleans the floor.",
    "Return the mean of the values.",
    "Fue as\u00ed. J'ai vu un rebelle. The GPT partition was destroyed; A.I.D.S. kills.",
    "A deus ex machina; lost in deep thought, deep blue sea.",
]


def test_documents_are_flagged_with_their_categories_and_terms(blocklist: Blocklist) -> None:
    flags = flag(FLAGGED + KEPT, blocklist, HyperscanMatcher([term for _, term in blocklist.terms]))
    assert flags.flagged.tolist() == [True] * len(FLAGGED) + [False] * len(KEPT)
    assert flags.categories.tolist()[:2] == ["intelligent_entities;negative_verbs", "ai_labs"]
    assert flags.terms.tolist()[:2] == ["robot;deceived", "Anthropic"]
    assert set(flags.categories[4:]) == set(flags.terms[4:]) == {""}
