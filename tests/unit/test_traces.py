import pytest

from lab.environment.public_index import default_index, public_hosts
from lab.environment.traces import MARK, MARK_NAME, secrets_of, sought

INDEX = "https://ada:hunter22@index.corp.example:8443/simple"

PUBLIC = min(public_hosts())


def texts(**variables: str) -> list[str]:
    """What is sought for one setting."""
    found = sought(variables)
    return next((found[name] for name in variables if name in found), [])


def test_a_host_without_settings_still_has_the_mark_to_look_for() -> None:
    assert sought({}) == {MARK_NAME: [MARK]}


def test_an_index_is_sought_whole_and_in_every_part_that_gives_it_away() -> None:
    found = texts(PIP_INDEX_URL=INDEX)
    assert found[0] == INDEX
    assert set(found) == {INDEX, "index.corp.example:8443", "index.corp.example", "hunter22", "ada:hunter22"}


def test_a_token_without_a_password_is_sought() -> None:
    assert "t0ken-t0ken" in texts(UV_INDEX=f"mine=https://t0ken-t0ken@{PUBLIC}/simple")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIP_INDEX_URL", default_index()),
        ("PIP_TRUSTED_HOST", " ".join(sorted(public_hosts()))),
        ("PIP_TRUSTED_HOST", "mirror"),
        ("HTTPS_PROXY", "http://127.0.0.1:3128"),
        ("NO_PROXY", "localhost,127.0.0.1,::1"),
        ("PIP_DEFAULT_TIMEOUT", "180"),
        ("https_proxy", "http://proxy.corp.example:3128"),
    ],
)
def test_what_stands_everywhere_or_says_nothing_of_a_company_is_not_sought(name: str, value: str) -> None:
    assert texts(**{name: value}) == []


def test_a_proxy_is_sought_also_without_its_scheme() -> None:
    assert set(texts(HTTPS_PROXY="http://proxy:3128")) == {"http://proxy:3128", "proxy:3128"}
    assert set(texts(HTTPS_PROXY="proxy.corp.example:3128")) == {"proxy.corp.example:3128", "proxy.corp.example"}


def test_of_a_list_of_exceptions_only_the_whole_gives_anything_away() -> None:
    assert texts(NO_PROXY="localhost,github.com,.corp.example") == ["localhost,github.com,.corp.example"]


def test_the_folder_of_the_certificates_is_sought() -> None:
    assert texts(SSL_CERT_FILE="/run/lab/ca.crt") == ["/run/lab/ca.crt"]


def test_what_evidence_must_not_hold_are_the_same_texts_but_for_the_labs_own() -> None:
    found = secrets_of({"PIP_INDEX_URL": INDEX, "SSL_CERT_FILE": "/run/lab/ca.crt"})
    assert set(found) == set(texts(PIP_INDEX_URL=INDEX))
