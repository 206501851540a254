from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.environment import hostnet
from lab.environment.hostnet import CA_FILE, CA_VARIABLES, INDEX_VARIABLES, PROXY_VARIABLES, HostNetwork, host_network

CONFIGURED = ("PIP_CONFIG_FILE", "PIP_FIND_LINKS", *CA_VARIABLES, *INDEX_VARIABLES, *PROXY_VARIABLES)


@pytest.fixture(autouse=True)
def bare_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A host without settings of its own, as far as variables and a home folder go."""
    for name in (*CONFIGURED, *map(str.lower, PROXY_VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    hostnet.host_network.cache_clear()
    hostnet._pip_settings.cache_clear()
    yield
    hostnet.host_network.cache_clear()
    hostnet._pip_settings.cache_clear()


@pytest.fixture
def pip_conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    return path


def told(network: HostNetwork, word: str) -> list[str]:
    return [reason for reason in network.left_out if word in reason]


def test_a_proxy_is_handed_over_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    variables = host_network().variables
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://proxy.example:3128"
    assert variables["NO_PROXY"] == variables["no_proxy"] == "localhost,127.0.0.1"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:3128",
        "http://localhost:3128",
        "http://user:pass@[::1]:3128",
        "127.0.0.1:3128",
        "localhost:8080",
        "socks5h://127.0.1.1:1080",
    ],
)
def test_a_proxy_on_the_hosts_own_loopback_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", address)
    network = host_network()
    assert not {"HTTP_PROXY", "http_proxy"} & set(network.variables)
    assert told(network, "HTTP_PROXY") == ["HTTP_PROXY names this host's loopback, which a container cannot reach"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "PIP_INDEX_URL", "UV_INDEX", "PIP_TRUSTED_HOST"])
@pytest.mark.parametrize("address", ["http://[::1", f"http://user:{'x' * 12}@[::1", "[zz]"])
def test_what_cannot_be_an_address_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    monkeypatch.setenv(name, address)
    network = host_network()
    assert not {name, name.lower()} & set(network.variables)
    assert told(network, name) == [f"{name} is not an address"]
    assert "x" * 12 not in str(network)
    assert isinstance(network.secrets, list)


@pytest.mark.parametrize("address", ["proxy.example:3128", "http://10.0.0.1:3128", "http://localhost.example:3128"])
def test_a_proxy_elsewhere_is_handed_over_as_it_is(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", address)
    assert host_network().variables["HTTP_PROXY"] == address


def test_a_folder_of_links_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    network = host_network()
    assert "PIP_FIND_LINKS" not in network.variables
    assert told(network, "PIP_FIND_LINKS") == ["PIP_FIND_LINKS names a folder of this host"]


def test_pips_index_is_uvs_index_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://extra.example/simple")
    variables = host_network().variables
    assert variables["PIP_INDEX_URL"] == variables["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert variables["PIP_EXTRA_INDEX_URL"] == variables["UV_INDEX"] == "https://extra.example/simple"


def test_an_index_of_uvs_own_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://uv.example/simple")
    assert host_network().variables["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_an_index_that_is_a_folder_of_the_host_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "file:///srv/wheels")
    network = host_network()
    assert not {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"} & set(network.variables)
    assert told(network, "PIP_INDEX_URL") == ["PIP_INDEX_URL is not an address"]


def test_timeouts_and_trusted_hosts_need_not_be_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "60")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.example")
    variables = host_network().variables
    assert (variables["PIP_DEFAULT_TIMEOUT"], variables["PIP_TRUSTED_HOST"]) == ("60", "index.example")


def test_settings_of_pips_file_count_and_variables_outweigh_them(
    pip_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_conf.write_text(
        "[global]\nindex-url = https://file.example/simple\n# index-url = https://comment.example\n"
        "[install]\nextra-index-url =\n    https://one.example/simple\n    https://two.example/simple\n"
        "trusted-host: file.example\n"
    )
    monkeypatch.setenv("PIP_TRUSTED_HOST", "variable.example")
    variables = host_network().variables
    assert variables["PIP_INDEX_URL"] == "https://file.example/simple"
    assert variables["UV_INDEX"] == "https://one.example/simple https://two.example/simple"
    assert variables["PIP_TRUSTED_HOST"] == "variable.example"


def test_a_file_of_pips_that_is_no_configuration_is_passed_over(pip_conf: Path) -> None:
    pip_conf.write_text("index-url = https://file.example/simple\n")
    assert host_network().variables.get("PIP_INDEX_URL") != "https://file.example/simple"


def test_the_hosts_certificates_are_read_and_named_by_their_place_in_the_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    network = host_network()
    assert network.ca == b"certificates"
    assert {network.variables[name] for name in CA_VARIABLES} == {CA_FILE}
    assert str(tmp_path) not in str(network.variables)


def test_certificates_that_pips_file_names_are_no_index_that_was_left_out(pip_conf: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"certificates")
    pip_conf.write_text(f"[global]\ncert = {bundle}\n")
    network = host_network()
    assert network.ca == b"certificates"
    assert told(network, "CERT") == []


def test_hosts_and_passwords_in_addresses_are_secrets_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter22@index.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example https://b:other-pass@b.example")
    network = host_network()
    assert {"hunter22", "other-pass", "index.example", "b.example"} <= set(network.secrets)
    assert "hunter22" not in repr(network)


def test_a_named_index_reaches_install_steps_and_one_on_this_hosts_loopback_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_INDEX", "mine=https://index.example/x")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:3141/x?as=it-is")
    found = host_network()
    assert found.variables["UV_INDEX"] == "mine=https://index.example/x"
    assert "PIP_EXTRA_INDEX_URL" not in found.variables
    assert any("PIP_EXTRA_INDEX_URL names this host's loopback" in note for note in found.left_out)
