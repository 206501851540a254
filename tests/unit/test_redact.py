import json
from pathlib import Path

import pytest

from lab.history import History, Recorder
from lab.redact import MASK, Redactor

NONE = Redactor()


def test_a_known_value_is_replaced_wherever_it_stands() -> None:
    redact = Redactor.of(["lab-0123456789"])
    assert redact("key=lab-0123456789;again:lab-0123456789") == f"key={MASK};again:{MASK}"


def test_the_longer_of_two_values_is_replaced_first() -> None:
    assert Redactor.of(["secret", "secret-and-more"])("secret-and-more") == MASK


def test_a_short_value_tears_no_holes_into_text() -> None:
    assert Redactor.of(["", "a", "12345"])("a 12345 abc") == "a 12345 abc"
    assert Redactor.of(["123456"])("a 123456") == f"a {MASK}"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.DEF-123_xyz", "abc.DEF-123_xyz"),
        ("authorization: bearer abcdefgh12345678", "abcdefgh12345678"),
        ("OPENAI_API_KEY=sk-proj-0123456789abcdef", "sk-proj-0123456789abcdef"),
        ("https://user:pass@index.example/simple", "pass"),
        ("postgresql://app:p4:ss@db/x", "p4:ss"),
        ("redis://:hunter22@cache:6379/0", "hunter22"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow\n-----END PRIVATE KEY-----", "MIIEow"),
    ],
)
def test_what_looks_like_a_secret_is_replaced_without_being_known(text: str, hidden: str) -> None:
    assert hidden not in NONE(text)
    assert MASK in NONE(text)
    assert hidden not in NONE(json.dumps({"said": f"first line\n{text}"}))


@pytest.mark.parametrize(
    "text",
    [
        "OPENAI_API_KEY=sk-mock-reference-agents-0123456789",
        "http://127.0.0.1:8881/health",
        "mail ada@example.org about task-0123456789abcdefghij",
        '{"url":"http://127.0.0.1:80","mail":"ada@example.org"}',
        "git+ssh://git@host.example/repo.git",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert NONE(text) == text


def test_a_key_that_is_cut_short_hides_nothing_of_the_next_and_costs_no_time() -> None:
    begun = "-----BEGIN PRIVATE KEY-----"
    whole = f"{begun}\nMIIEow\n-----END PRIVATE KEY-----"
    assert NONE(f"{begun}\nMIIEcut\n{whole} and more") == f"{MASK}{MASK} and more"
    many = begun * 100_000  # by squares this would take the better part of an hour
    assert NONE(f"{many}\nMIIEow\n-----END PRIVATE KEY-----") == MASK * 100_000


def test_bytes_that_are_no_text_come_through_unharmed() -> None:
    redact = Redactor.of(["topsecret"])
    assert redact.bytes(b"\xff\xfe topsecret \x00") == b"\xff\xfe " + MASK.encode() + b" \x00"


def test_a_value_is_found_in_json_although_json_spells_it_differently() -> None:
    value = 'pass"word\\1'
    line = json.dumps({"said": f"it is {value}."}, ensure_ascii=False)
    redacted = Redactor.of([value])(line)
    assert json.loads(redacted) == {"said": f"it is {MASK}."}


def test_a_redactor_does_not_show_its_values() -> None:
    assert "topsecret" not in repr(Redactor.of(["topsecret"]))


def test_nothing_secret_reaches_the_history_or_its_listener(tmp_path: Path) -> None:
    heard: list[dict[str, object]] = []
    record = Recorder(tmp_path / "events.ndjson", Redactor.of(["topsecret"]), heard.append)
    with record.step(1, "start", {"key": "topsecret"}) as facts:
        facts["said"] = ["a\nsk-0123456789abcdef01", "topsecret"]
    record.close()
    written = (tmp_path / "events.ndjson").read_text()
    assert "topsecret" not in written + str(heard)
    assert "sk-0123" not in written + str(heard)
    assert History.read(tmp_path / "events.ndjson").steps[0].facts == {"said": [f"a\n{MASK}", MASK]}


def test_a_bare_token_in_an_address_is_taken_out() -> None:
    assert NONE("https://0123456789abcdef@index.example/x") == f"https://{MASK}@index.example/x"


def test_with_a_key_two_secrets_get_two_masks_and_the_same_secret_always_the_same() -> None:
    redact = Redactor.of([], b"thrown away")
    one, other = "postgres://u:first-pw@db/x", "postgres://u:other-pw@db/x"
    assert redact(one) == redact(one)
    assert redact(one) != redact(other)
    assert "first-pw" not in redact(one)


def test_nested_values_are_redacted_text_by_text_so_that_no_pattern_eats_their_structure() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----"
    told = NONE.deeply({"v": [key, {"u": "-----END RSA PRIVATE KEY-----"}], "n": 3, "none": None, "t": True})
    assert told == {"v": [key, {"u": "-----END RSA PRIVATE KEY-----"}], "n": 3, "none": None, "t": True}
