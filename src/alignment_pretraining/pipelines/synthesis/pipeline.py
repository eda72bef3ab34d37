"""Question suites, discourse documents, natural discourse and chat data, from the scenario bank."""

from kedro.pipeline import Pipeline, node

from alignment_pretraining.pipelines.synthesis import nodes
from alignment_pretraining.study import Study


def create_pipeline(study: Study) -> Pipeline:
    """Synthesis does not depend on the arms: every arm draws on the same documents."""
    del study
    bank = ["scenarios", "params:synthesis"]
    return Pipeline(
        [
            node(nodes.make_questions, bank, "questions", name="make_questions", namespace="synthesis"),
            node(
                nodes.make_documents,
                ["scenarios", "questions", "params:synthesis"],
                ["documents_aligned", "documents_misaligned"],
                name="make_documents",
                namespace="synthesis",
            ),
            node(
                nodes.make_natural_discourse,
                ["phrases", "params:synthesis"],
                "natural_discourse",
                name="make_natural_discourse",
                namespace="synthesis",
            ),
            node(nodes.make_mcqa, ["phrases", "params:synthesis"], "mcqa", name="make_mcqa", namespace="synthesis"),
            node(
                nodes.make_chat,
                ["phrases", "params:synthesis"],
                "conversations",
                name="make_chat",
                namespace="synthesis",
            ),
            node(
                nodes.make_preferences,
                ["phrases", "params:synthesis"],
                "preferences",
                name="make_preferences",
                namespace="synthesis",
            ),
        ],
        tags="synthesis",
    )
