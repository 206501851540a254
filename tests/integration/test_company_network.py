"""Settings of a company's network: install steps get them, and nothing else does."""

from collections.abc import Iterator

import pytest

from lab import paths
from lab.environment import hostnet
from lab.environment.traces import MARK
from tests.integration.place import place, program
from tests.integration.program import lab

pytestmark = pytest.mark.engine

SETTINGS = {
    "PIP_EXTRA_INDEX_URL": "https://ada:hunter22@index.corp.example/simple",
    "NO_PROXY": "build.corp.example,.corp.example",
}


@pytest.fixture
def _in_a_company(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    hostnet.host_network.cache_clear()
    yield
    hostnet.host_network.cache_clear()


@pytest.mark.usefixtures("_in_a_company")
def test_install_steps_get_the_settings_and_neither_other_commands_nor_the_product_do() -> None:
    with place() as made:
        told = made.run(["env"], timeout=20, network=True).stdout.decode()
        assert f"PIP_EXTRA_INDEX_URL={SETTINGS['PIP_EXTRA_INDEX_URL']}\n" in told
        assert f"UV_INDEX={SETTINGS['PIP_EXTRA_INDEX_URL']}\n" in told
        assert f"NO_PROXY={SETTINGS['NO_PROXY']}\n" in told
        assert "corp.example" not in made.run(["env"], timeout=20).stdout.decode()
        made.product.start(program("import os; print(dict(os.environ))"))
        while made.product.state().running:
            pass
        assert "corp.example" not in made.product.logs().stdout.decode()
        kept = made.product.traces()
        assert set(kept) == {"the product's variables", "its image"}
        assert not any(b"corp.example" in content for content in kept.values())


def test_a_trial_in_a_company_leaves_nothing_of_it_in_the_product_or_in_the_run_folder() -> None:
    # Settings that no installation minds.
    ended = lab(
        "run", "company-network", PIP_TRUSTED_HOST="index.corp.example", NO_PROXY="build.corp.example,localhost"
    )
    assert ended.code == 0, ended.said
    assert "LAB_INSTALL_MARK, NO_PROXY, " in ended.stdout
    assert "PIP_TRUSTED_HOST" in ended.stdout
    (folder,) = paths.runs().glob("*-company-network-*")
    told = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert [path for path, content in told.items() if b"corp.example" in content or MARK.encode() in content] == []
