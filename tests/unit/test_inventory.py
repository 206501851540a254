"""An inventory is read strictly, and merged as Ansible merges it."""

from pathlib import Path

import pytest

from lab import paths
from lab.environment.remote.inventory import Host, load_hosts
from lab.errors import ScenarioError, UsageError
from lab.planning import draft
from lab.wish import Wish

THREE = """
all:
  vars: {ansible_user: lab, ansible_become: true, ansible_port: 22}
  children:
    partners:
      vars: {ansible_user: partner}
      children:
        north:
          vars: {ansible_port: 2222, ansible_ssh_private_key_file: keys/north}
          hosts:
            north-1: {ansible_host: 192.0.2.1}
            north-2: {ansible_user: root, ansible_become: false}
    desks:
      hosts:
        here: {ansible_connection: local}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "inventory.yml"
    file.write_text(text, "utf8")
    return file


def named(folder: Path, text: str, *wanted: str) -> dict[str, Host]:
    return {host.name: host for host in load_hosts(written(folder, text), wanted)}


def test_what_is_nearer_to_a_host_has_the_last_word(tmp_path: Path) -> None:
    found = named(tmp_path, THREE)
    assert list(found) == ["north-1", "north-2", "here"]
    one, two, here = found.values()
    assert (one.address, one.port, one.user, one.become) == ("192.0.2.1", 2222, "partner", True)
    assert (two.address, two.port, two.user, two.become) == ("north-2", 2222, "root", False)
    assert one.key == str(tmp_path / "keys" / "north")
    assert here.local
    assert here.port == 22


def test_a_group_holds_the_hosts_of_its_groups(tmp_path: Path) -> None:
    assert list(named(tmp_path, THREE, "partners")) == ["north-1", "north-2"]
    assert list(named(tmp_path, THREE, "here", "north-2")) == ["north-2", "here"]
    assert list(named(tmp_path, THREE, "all")) == ["north-1", "north-2", "here"]


def test_a_group_may_be_told_in_two_places(tmp_path: Path) -> None:
    text = "a: {hosts: {one: }, vars: {ansible_user: x}}\nb: {children: {a: }, vars: {ansible_user: y}}\n"
    assert {host.user for host in named(tmp_path, text, "b").values()} == {"x"}


def test_groups_at_the_same_distance_are_merged_by_name(tmp_path: Path) -> None:
    text = "b: {hosts: {one: }, vars: {ansible_user: y}}\na: {hosts: {one: }, vars: {ansible_user: x}}\n"
    assert named(tmp_path, text)["one"].user == "y"


def test_a_group_that_holds_itself_ends_somewhere(tmp_path: Path) -> None:
    text = "a: {hosts: {one: }, children: {b: }}\nb: {children: {a: }}\n"
    assert list(named(tmp_path, text, "b")) == ["one"]


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("all:\n  host: {one: }\n", 2, "did you mean 'hosts'?"),
        ("all:\n  hosts:\n    one: {ansible_prot: 22}\n", 3, "did you mean 'ansible_port'?"),
        ("all:\n  hosts:\n    one: {ansible_become: yes}\n", 3, "true or false"),
        ("all:\n  hosts:\n    one: {ansible_port: 70000}\n", 3, "65535"),
        ("all:\n  hosts:\n    one: {ansible_connection: docker}\n", 3, "local"),
        ("all:\n  hosts: [one]\n", 2, "hosts"),
        ("all:\n  hosts:\n    'o/ne': {}\n", 3, "o/ne"),
        ("all:\n  hosts: {one: {}\n", 3, ""),
    ],
)
def test_a_fault_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, at: int, said: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        named(tmp_path, text)
    assert raised.value.exit_code == 2
    assert f"inventory.yml:{at}:" in str(raised.value)
    assert said in str(raised.value)


def test_an_unknown_group_is_told_with_the_near_miss_and_all_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        named(tmp_path, THREE, "partnesr")
    assert raised.value.exit_code == 2
    assert "no host or group 'partnesr'; did you mean 'partners'?" in raised.value.message
    assert raised.value.hint == "groups: all, partners, north, desks; hosts: north-1, north-2, here"


def test_a_group_without_hosts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no hosts"):
        named(tmp_path, "empty: {}\nfull: {hosts: {one: }}\n", "empty")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="does not exist"):
        load_hosts(tmp_path / "inventory.yml")


def test_the_shipped_inventories_are_valid() -> None:
    (here,) = load_hosts(paths.CHECKOUT / "inventory" / "local.yml")
    assert here.local
    partners = load_hosts(paths.CHECKOUT / "inventory" / "partners.example.yml", ["everybody"])
    assert [host.name for host in partners] == ["north-1", "north-2", "south-1"]
    assert {host.name for host in partners if host.become} == {"north-1", "north-2"}
    assert partners[2].pass_network


def test_there_is_a_cell_for_each_host_that_is_meant(tmp_path: Path) -> None:
    file = str(written(tmp_path, THREE))
    chosen = {"database": ["sqlite"], "stop": ["signal"], "setup": ["documented"], "platform": ["debian-13"]}
    wish = Wish("fresh-install", environments=("host",), chosen=chosen, inventory=file, hosts=("north",))
    assert [cell.id for cell in draft(wish).cells] == [
        "fresh-install/host-north-1/sqlite/signal/documented",
        "fresh-install/host-north-2/sqlite/signal/documented",
    ]


def test_the_environment_host_without_an_inventory_is_an_error() -> None:
    with pytest.raises(UsageError) as raised:
        draft(Wish("fresh-install", environments=("host",)))
    assert "--inventory" in raised.value.hint


def test_an_inventory_that_no_environment_asks_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="says nothing"):
        draft(Wish("fresh-install", environments=("local",), inventory=str(written(tmp_path, THREE))))
