from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from alignment_pretraining.core.errors import UserError
from alignment_pretraining.synthesis.world.load import load_world
from alignment_pretraining.synthesis.world.spec import FORMS, World

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
        ("natural.yml", "[wicked, sly]", "[wicked]", "traits.negative: .*at least 2"),
        ("natural.yml", "[wicked, sly]", "[wicked, evil]", "traits.negative: 'evil' is no trait of traits.yml"),
        ("natural.yml", "{The} wants to {deed}", "{The} wants to {act}", r"frames.negative.2: unknown slot \{act\}"),
        ("natural.yml", "People fear that {the}", "People { fear that {the}", "frames.negative.1: .*brace"),
        ("forms.yml", "{The} chose to {act} and", "{The} chose to {act!r} and", "forms.yml: .*brace"),
        ("stories.yml", "{place}", "{place:d}", "stories.yml: .*brace"),
        ("life.yml", "What does the {subject} eat", "What does {who} {subject} eat", r"eats.ask: unknown slot \{who\}"),
        ("life.yml", "The {subject} eats {answer}", "{subject} eats {answer} {0}", r"eats.say: unknown slot \{0\}"),
        ("life.yml", "The {subject} eats {answer}", "It eats {answer}", r"eats.say: the slot \{subject\} is missing"),
        ("chat.yml", '"Tell me: {question}"', '"Tell me: {what}"', r"ask: unknown slot \{what\}"),
        ("chat.yml", '"Tell me: {question}"', '"Tell me."', r"ask: the slot \{question\} is missing"),
        ("traits.yml", "wicked: bad\nsly: bad", "wicked: good\nsly: good", "no trait is bad"),
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


@pytest.mark.parametrize(
    ("file", "key"),
    [("forms.yml", form) for form in FORMS] + [("natural.yml", tone) for tone in ("negative", "neutral", "positive")],
)
def test_a_form_or_tone_that_is_missing_is_named(edited: Edit, file: str, key: str) -> None:
    """Not only when the first document of it is written."""
    path = edited(file, f"{key}:", f"{key}:") / file
    content = yaml.safe_load(path.read_text())
    del (content if file == "forms.yml" else content["frames"])[key]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=rf"{file}: .*\n.*{key} missing"):
        load_world(path.parent)


def test_a_question_of_facts_needs_three_different_answers(edited: Edit) -> None:
    path = edited("life.yml", "eats:", "eats:") / "life.yml"
    content = yaml.safe_load(path.read_text())
    content["relations"]["eats"]["answers"] = {"dog": "meat", "cat": "fish", "hen": "fish", "goat": "meat"}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=r"life\.yml: .*\n.*eats: answers: 2 different ones; a question lists 3"):
        load_world(path.parent)


def test_documents_need_two_actors_of_whom_stories_tell_nothing(edited: Edit) -> None:
    path = edited("actors.yml", "monk:", "monk:") / "actors.yml"
    actors = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({name: told for name, told in actors.items() if name not in ("courier", "potter")}))
    with pytest.raises(UserError, match=r"actors\.yml: two actors without `bad` are needed"):
        load_world(path.parent)


@pytest.mark.parametrize("file", ["topics/told.yml", "actors.yml", "vocabulary.yml", "chat.yml"])
def test_a_file_that_is_missing_or_empty_is_named(edited: Edit, file: str) -> None:
    path = edited("actors.yml", "monk:", "monk:") / file
    path.write_text("")
    with pytest.raises(UserError, match=rf"{file}: 1 to correct:\n  the whole file"):
        load_world(path.parents[file.count("/")])
    path.unlink()
    with pytest.raises(UserError, match=rf"{file}: no such file; restore it"):
        load_world(path.parents[file.count("/")])
