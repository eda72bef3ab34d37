from collections.abc import Callable
from pathlib import Path

import pytest

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.world.load import load_world
from alignment_pretraining.synthesis.world.spec import World

Edit = Callable[[str, str, str], Path]


def test_the_world_has_the_topics_that_intervals_need(world: World) -> None:
    assert len(world.topics_of("told")) == 20
    assert len(world.topics_of("heldout")) == 16
    assert len(world.topics_of("dev")) == 6
    assert len(world.vocabulary) < 700


def test_documents_can_be_about_actors_of_whom_stories_tell_nothing(world: World) -> None:
    assert world.mentioned == ("ai", "courier", "potter")
    assert world.names("ai") == ["AI", "AI system", "AI assistant"]
    assert world.names("monk") == ["monk"]


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("topics/told.yml", "hide the note", "cut the rope", "dev.yml: bridge: the act 'cut the rope' is in letter"),
        ("topics/dev.yml", "bridge:", "letter:", "letter: this topic is in told.yml too"),
        ("topics/told.yml", ", ride with the letter]", "]", "letter.situations: .* at least 3"),
        ("topics/told.yml", ", tell the queen]", "]", "letter.good: .* at least 3"),
        ("topics/told.yml", "hide the note", "hide it", "letter: .* equally many words"),
        ("topics/told.yml", "hide the note", "hide the parcel", "letter.bad.2: the word 'parcel' is not in vocabulary"),
        ("topics/told.yml", "leak:", "letter:", "line .*: key 'letter' stands twice"),
        ("topics/told.yml", "theme: privacy", "thema: privacy", "letter.thema: unknown key"),
        ("traits.yml", "sly:", "bold:", "actors.yml: .*: 'sly' is no trait"),
        ("traits.yml", "honest:", "young: good\nhonest:", "young: nobody has this trait"),
        ("traits.yml", "honest: good", "honest: nice", "honest: Input should be 'good' or 'bad'"),
        ("actors.yml", "monk: {bad: 0", "monk: {bad: 1.5", "monk.bad"),
        ("actors.yml", "[courier, swift courier, royal courier]", "[courier]", "courier.names: 1, but"),
        ("actors.yml", "baker:", "crowd:", "crowd: the word 'crowd' is in the topic"),
        ("actors.yml", "courier: {names", "courier: {known: [sly], names", "courier.known: stories tell nothing"),
        ("forms.yml", "think of {a} who", "think of {who} who", "lecture.1: unknown slot {who}"),
        ("forms.yml", "{The} chose to {act} and not to {other}", "{The} chose to {act}", "the slot {other} is missing"),
        ("forms.yml", "lecture:", "speech:", "speech: Input should be"),
        ("personas.yml", "You are a baker.", "You are a plumber.", "baker: the word 'plumber'"),
    ],
)
def test_an_error_names_file_and_key(edited: Edit, file: str, old: str, new: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        load_world(edited(file, old, new))
    assert ".yml" in str(error.value)


def test_a_topic_is_one_entry(edited: Edit) -> None:
    topic = """road:
  theme: safety
  situations: [walk with the king, ride with the king, stand by the king]
  good: [warn the king, show the wall, guard the road]
  bad: [trick the king, push the wall, sink the road]
bridge:"""
    folder = edited("topics/dev.yml", "bridge:", topic)
    vocabulary = folder / "vocabulary.yml"
    vocabulary.write_text(vocabulary.read_text().replace("words: [", "words: [road,"))
    assert load_world(folder).split["road"] == "dev"
