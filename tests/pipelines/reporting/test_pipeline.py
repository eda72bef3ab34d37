"""What the report is made of."""

from alignment_pretraining.pipelines.reporting.pipeline import create_pipeline
from tests.pipelines.conftest import BASE, CHAT, MakeStudy, bound, by_name

ELSEWHERE = CHAT | BASE
LABELS = ["seed0.pretraining", "seed1.pretraining", "seed0.midtraining", "seed1.midtraining", "seed0.sft", "seed0.dpo"]


def test_an_arm_gathers_its_checkpoints_in_the_order_of_their_labels(make_study: MakeStudy) -> None:
    gather = by_name(create_pipeline(make_study("unfiltered")))["unfiltered.gather"]
    labels, mixed = bound(gather).args
    assert labels == [f"unfiltered.{label}" for label in LABELS]
    assert mixed == [f"unfiltered.{label}" for label in LABELS[:4]], "chat data are no mix"
    whats = ("items", "curve", "training_summary", "scores")
    results = [f"{label}.{what}" for what in whats for label in labels]
    assert gather.inputs == [*results, *(f"{label}.manifest" for label in mixed)]


def test_an_arm_gathers_what_is_its_own_alone(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("unfiltered", "misaligned_cpt")))
    labels, _ = bound(made["misaligned_cpt.gather"]).args
    assert labels == [f"misaligned_cpt.{label}" for label in ("seed0.cpt", "seed1.cpt", "seed0.sft", "seed0.dpo")]
    assert made["reporting.collect_items"].inputs == ["unfiltered.items", "misaligned_cpt.items"]
    ngrams = made["reporting.collect_ngrams"]
    assert bound(ngrams).args[0] == [f"{arm}.seed{n}.ngram" for arm in ("unfiltered", "misaligned_cpt") for n in (0, 1)]
    assert ngrams.inputs == [f"{label}.items" for label in bound(ngrams).args[0]]


def test_an_arm_that_was_not_selected_is_gathered_where_another_rests_on_it(make_study: MakeStudy) -> None:
    made = by_name(create_pipeline(make_study("misaligned_mid")))
    labels, _ = bound(made["unfiltered.gather"]).args
    assert labels == ["unfiltered.seed0.pretraining", "unfiltered.seed1.pretraining"]


def test_a_study_of_checkpoints_from_elsewhere_has_a_page_of_its_own_alone(make_study: MakeStudy) -> None:
    pipeline = create_pipeline(make_study(checkpoints=ELSEWHERE))
    assert {"protocol_report", "printed", "agreement", "protocol_rates"} <= pipeline.outputs() | pipeline.all_outputs()
    assert not pipeline.all_outputs() & {"report", "rates", "metrics", "figures"}
    collect = by_name(pipeline)["reporting.collect_protocols"]
    rates, agreements = collect.inputs[: len(ELSEWHERE)], collect.inputs[len(ELSEWHERE) :]
    assert rates == ["ours.protocol_rates", "theirs.protocol_rates"]
    assert agreements == ["ours.agreement", "theirs.agreement"]


def test_protocols_of_trained_models_stand_before_those_from_elsewhere(make_study: MakeStudy) -> None:
    study = make_study("unfiltered", checkpoints=ELSEWHERE)
    made = by_name(create_pipeline(study, protocols=True))
    rates = made["reporting.collect_protocols"].inputs[:3]
    assert rates == [f"{name}.protocol_rates" for name in ("unfiltered", *ELSEWHERE)]
    asked = made["unfiltered.estimate_protocols"]
    assert asked.inputs == [f"{label}.answers" for label in bound(asked).args[0]]
    assert "unfiltered.protocol_rates" not in create_pipeline(study).all_outputs()
    assert "protocol_report" not in create_pipeline(make_study("unfiltered")).all_outputs()


def test_capability_is_of_all_checkpoints_with_their_names_in_the_order_of_their_items(make_study: MakeStudy) -> None:
    pipeline = create_pipeline(make_study("unfiltered", checkpoints=ELSEWHERE), capability=True)
    one = by_name(pipeline)["reporting.estimate_capability"]
    labels, names = bound(one).keywords["labels"], bound(one).keywords["names"]
    assert (labels, names) == ([f"unfiltered.{label}" for label in LABELS], list(ELSEWHERE))
    assert one.inputs[3:] == [f"{label}.capability" for label in (*labels, *names)]
    assert "capability_report" in pipeline.all_outputs()
    assert "capability" not in create_pipeline(make_study("unfiltered")).all_outputs()


def test_the_report_reads_every_table_that_is_estimated(make_study: MakeStudy) -> None:
    pipeline = create_pipeline(make_study("unfiltered"))
    left = {"metrics", "headline", "plotly", "report"}
    assert pipeline.outputs() == left, "everything else is read"
    assert {"filter_quality", "corpus_account", "questions"} <= pipeline.inputs()
