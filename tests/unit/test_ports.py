"""Ports of this machine: one trial alone may use each."""

import socket

import pytest

from lab.environment.processes.ports import Ports
from lab.errors import InfrastructureError


def test_two_labs_are_never_given_the_same_port() -> None:
    one, two = Ports(), Ports()
    given = [ports.reserve() for ports in (one, two) for _ in range(5)]
    assert len(set(given)) == len(given)
    one.close()
    two.close()


def test_a_port_that_another_lab_has_reserved_is_refused_until_it_is_given_back() -> None:
    one, two = Ports(), Ports()
    port = one.reserve()
    with pytest.raises(InfrastructureError, match=f"the port {port} is in use"):
        two.reserve(port)
    one.close()
    assert two.reserve(port) == port
    two.close()


def test_a_port_on_which_somebody_listens_is_refused() -> None:
    ports = Ports()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError, match=f"the port {port} is in use"):
            ports.reserve(port)
    ports.close()
