import pytest

from lab.errors import UsageError
from lab.template import near, placeholders, render

SCOPE = {"home": "/opt/app", "saved.id": "7", "secret.api-key": "s3cret", "matrix.stop": "signal"}


def test_a_placeholder_is_replaced_in_texts_lists_and_mappings() -> None:
    value = {"{home}/k": ["{home}/bin", {"id": "{saved.id}"}], "n": 5, "none": None, "yes": True}
    expected = {"/opt/app/k": ["/opt/app/bin", {"id": "7"}], "n": 5, "none": None, "yes": True}
    assert render(value, SCOPE) == expected


def test_a_text_may_hold_several_placeholders() -> None:
    assert render("{home}:{saved.id}:{secret.api-key}", SCOPE) == "/opt/app:7:s3cret"


@pytest.mark.parametrize("text", ['{"a": 1}', "{}", "{ home }", "{Home}", "${HOME}", "{1}", "{home", "{{}}"])
def test_other_braces_stay_as_they_are(text: str) -> None:
    assert render(text, SCOPE) == text


def test_what_a_placeholder_brings_is_not_replaced_again() -> None:
    assert render("{saved.x}", {"saved.x": "{home}", "home": "/opt"}) == "{home}"


def test_a_name_without_a_value_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"\{saved.id2\} has no value here; did you mean 'saved.id'") as caught:
        render(["fine", "{saved.id2}"], SCOPE)
    assert "there are: home, matrix.stop, saved.id, secret.api-key" in str(caught.value)


def test_a_rendered_value_is_a_copy() -> None:
    original = {"a": ["{home}"]}
    render(original, SCOPE)
    assert original == {"a": ["{home}"]}


def test_placeholders_are_listed_with_their_places() -> None:
    value = {"steps": [{"way": "{matrix.stop}"}, {"x": 1}], "title": "{a} and {b.c}"}
    assert list(placeholders(value)) == [(("steps", 0, "way"), "matrix.stop"), (("title",), "a"), (("title",), "b.c")]


@pytest.mark.parametrize(("word", "said"), [("upgrad", "; did you mean 'upgrade'?"), ("zzz", ""), ("", "")])
def test_only_a_near_miss_is_suggested(word: str, said: str) -> None:
    assert near(word, ["upgrade", "docker"]) == said
