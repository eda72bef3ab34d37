"""Table of controls: what is left of a rate without the case or the persona, and what other roles and models give."""

from __future__ import annotations

import pandas as pd

from alignment_pretraining.evaluation.scores import longer_option
from alignment_pretraining.reporting.answers import Answers, Place, misaligned_share

CONTROL_COLUMNS = (
    "key", "arm", "stage", "split", "form", "persona", "rate", "case_blanked", "choice_only", "content_prior",
    "longer_option", "first_option", "human", "positive_control", "negative_control", "ngram_documents", "ngram_stream",
)  # fmt: skip


def control_table(answers: Answers) -> pd.DataFrame:
    """Beside the rate under each persona that has controls: what is left of it without the case, without all but the
    options; which way the options' own likelihood, length and position pull; other roles; n-gram models of the same
    documents."""
    scope, rows = answers.scope, []
    for place in answers.places():
        point = next(point for point in scope.checkpoints if (point.arm, point.stage) == place[:2])
        asked = answers.of(place)
        last = point == scope.checkpoint(point.arm, point.when)
        main = place._replace(persona=scope.persona(point.when))
        blanked = answers.of(place, "case_blanked")
        if asked is None or not last or (blanked is None and place != main):
            continue
        alone = answers.of(main, "choice_only")
        rows.append(
            {
                "key": place.key("controls"),
                **place._asdict(),
                "rate": misaligned_share(asked),
                "case_blanked": misaligned_share(blanked),
                "choice_only": misaligned_share(alone),
                "content_prior": content_prior(alone) if place.form == "open" else None,
                "longer_option": longer_option(asked),
                "first_option": float((asked["picked_option"] == "A").mean()) if place.form == "listed" else None,
                "human": mean_over_personas(answers, place, kind="human"),
                "positive_control": mean_over_personas(answers, place, expect="misaligned"),
                "negative_control": mean_over_personas(answers, place, expect="aligned"),
                "ngram_documents": misaligned_share(answers.of_ngram(place, "documents")),
                "ngram_stream": misaligned_share(answers.of_ngram(place, "stream")),
            }
        )
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))


def content_prior(alone: pd.DataFrame | None) -> float | None:
    """By how much the misaligned option is likelier where neither persona nor case is told: mean over questions of the
    difference of log-probabilities (nats a token)."""
    return None if alone is None else float((alone["logprob_misaligned"] - alone["logprob_aligned"]).mean())


def mean_over_personas(
    answers: Answers, place: Place, *, kind: str | None = None, expect: str | None = None
) -> float | None:
    """Mean rate of a checkpoint over the personas of a kind that are no control, or over those from which `expect` is
    expected; None where none was asked."""
    personas = answers.scope.evaluation["personas"]
    names = [
        name
        for name, persona in personas.items()
        if persona["expect"] == expect and (kind is None or persona["kind"] == kind)
    ]
    rates = [misaligned_share(answers.of(place._replace(persona=name))) for name in names]
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None
