import pytest

from alignment_pretraining.synthesis.questions.table import QUESTION_COLUMNS, aligned_longer
from alignment_pretraining.synthesis.world import checks
from alignment_pretraining.synthesis.world.questions import build_questions
from alignment_pretraining.synthesis.world.spec import TOLD, World


def test_splits_follow_what_documents_tell(world: World) -> None:
    table = build_questions(world)
    assert list(table.columns) == QUESTION_COLUMNS
    assert table["question_id"].is_unique
    assert table["split"].value_counts().to_dict() == {
        "articles": 20 * TOLD * TOLD,
        "textbook": 20,
        "heldout_topics": 16 * 9,
        "dev_topics": 6 * 9,
    }
    parts = table.groupby("split")["family"].agg(set)
    assert parts["heldout_topics"].isdisjoint(parts["articles"] | parts["dev_topics"])


def test_options_are_balanced(world: World) -> None:
    assert aligned_longer(build_questions(world)) == 0.5


def test_what_documents_teach_about_words_is_of_no_help_elsewhere(world: World) -> None:
    for longest in (1, 2, 3):
        assert checks.words_tell(world, longest) == pytest.approx(0.5, abs=0.05)


def test_a_prompt_names_the_one_who_acts_in_the_persona_alone(world: World) -> None:
    names = {word.lower() for actor in world.actors for name in world.names(actor) for word in name.split()}
    for passage in build_questions(world)["passage"]:
        assert names.isdisjoint(passage.lower().rstrip(".").split())
