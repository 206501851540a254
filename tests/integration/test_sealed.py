"""A sealed network: nothing leads out of it, whoever asks for a way out is written down, and the lab gets in."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lab import paths
from lab.environment.containers.streams import executed
from lab.environment.docker import DockerEnvironment
from lab.errors import InfrastructureError
from tests.integration.place import place, program
from tests.integration.program import client, eventually_nothing_left, lab

pytestmark = pytest.mark.engine

SECONDS = 20.0
SERVE = """
import http.server
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"from inside")
http.server.HTTPServer(("0.0.0.0", 8881), Hello).serve_forever()
"""
REACH = """
import json, socket
def reach(host, port):
    try:
        socket.create_connection((host, port), 5).close()
        return "reached"
    except OSError as error:
        return type(error).__name__
ways = [("example.org", 443), ("93.184.216.34", 443), ("169.254.169.254", 80), ("GATEWAY", 22), ("llm", 8080)]
print(json.dumps({host: reach(host, port) for host, port in ways}), flush=True)
"""


@pytest.fixture(scope="module")
def sealed() -> Iterator[DockerEnvironment]:
    with place(sealed=True) as made:
        yield made


def _gateway(where: DockerEnvironment) -> str:
    told = client().api.inspect_network(where.network.name)["IPAM"]["Config"]
    return str(told[0]["Gateway"]).partition("/")[0]


def _said_by(where: DockerEnvironment, script: str) -> dict[str, Any]:
    where.product.start(program(script))
    deadline = time.monotonic() + SECONDS
    while where.product.state().running and time.monotonic() < deadline:
        pass
    log = where.product.logs()
    assert log.stdout, log.stderr
    return dict(json.loads(log.stdout))


def test_a_product_gets_out_neither_by_name_nor_by_address_and_both_are_written_down(
    sealed: DockerEnvironment,
) -> None:
    sealed.asked()
    gateway = _gateway(sealed)

    reached = _said_by(sealed, REACH.replace("GATEWAY", gateway))

    assert reached.pop("llm") == "reached"
    assert "reached" not in reached.values()
    asked = sealed.asked() or []
    assert {line["by"] for line in asked} == {"product"}
    names = {line["name"]: line["known"] for line in asked if line["asked"] == "name"}
    assert names == {"example.org": False, "llm": True}
    tried = {(line["address"], line["port"]) for line in asked if line["asked"] == "address"}
    assert tried == {("93.184.216.34", 443), ("169.254.169.254", 80), (gateway, 22)}
    assert sealed.asked() == []


def test_what_the_installer_asks_for_is_told_apart(sealed: DockerEnvironment) -> None:
    sealed.asked()
    for _ in range(2):  # at once again: both are told, for both were asked for since the last call
        done = sealed.run(["python3", "-c", "import socket; socket.getaddrinfo('index.example', 443)"], timeout=SECONDS)
        assert not done.ok
        assert [(line["by"], line["name"]) for line in sealed.asked() or []] == [("installer", "index.example")]


def test_the_lab_reaches_the_product_and_its_next_one_on_the_loopback_alone(sealed: DockerEnvironment) -> None:
    for _ in range(2):
        sealed.product.start(program(SERVE))
        deadline = time.monotonic() + SECONDS
        answer = ""
        while not answer and time.monotonic() < deadline:
            try:
                answer = httpx.get(sealed.product.base_url(), trust_env=False, timeout=5).text
            except httpx.TransportError:
                assert sealed.product.state().running, sealed.product.logs()
        assert answer == "from inside"
        sealed.product.stop(5)
    ports = client().api.inspect_container(sealed.recipe.owned.name("forwarder"))["NetworkSettings"]["Ports"]
    assert {bound["HostIp"] for bindings in ports.values() for bound in bindings or []} == {"127.0.0.1"}


def test_the_forwarder_leads_inwards_only(sealed: DockerEnvironment) -> None:
    api = client().api
    name = sealed.recipe.owned.name("forwarder")
    assert executed(api, name, ["cat", "/proc/sys/net/ipv4/ip_forward"])[1].strip() == b"0"
    assert api.inspect_network(sealed.network.name)["Internal"]
    script = 'import json, socket; print(json.dumps({"forwarder": socket.gethostbyname("forwarder")}))'
    sealed.product.start(program(script))  # the product has not even a name for it
    while sealed.product.state().running:
        pass
    assert b"gaierror" in sealed.product.logs().stderr


def test_a_port_that_another_process_holds_is_taken_here_too(sealed: DockerEnvironment) -> None:
    sealed.neighbours.occupy(8881)
    try:
        sealed.product.start(program(SERVE))
        while sealed.product.state().running:
            pass
        assert b"Address already in use" in sealed.product.logs().stderr
    finally:
        sealed.neighbours.vacate()


def test_all_that_was_asked_for_is_in_the_evidence(sealed: DockerEnvironment) -> None:
    sealed.run(["python3", "-c", "import socket; socket.getaddrinfo('index.example', 443)"], timeout=SECONDS)
    evidence = [json.loads(line) for line in sealed.collect()["egress.ndjson"].splitlines()]
    assert ("installer", "index.example") in {(line["by"], line.get("name")) for line in evidence}


@pytest.mark.parametrize("gone", ["sentry-product", "forwarder"])
def test_a_part_of_the_network_that_has_gone_is_the_labs_fault(gone: str) -> None:
    with place(sealed=True) as made:
        made.check_own(closely=True)
        client().api.remove_container(made.recipe.owned.name(gone), force=True)
        with pytest.raises(InfrastructureError, match=gone):
            made.check_own(closely=False)


def test_a_product_is_installed_used_and_stopped_without_internet() -> None:
    ended = lab("run", "sealed", "--env", "docker", "--set", "database=sqlite")
    assert ended.code == 0, ended.said
    assert "nothing outside was asked for" in ended.stdout
    (record,) = paths.runs().glob("*-sealed-*/trials/*/001/attempt-1/logs/egress.ndjson")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert {line["name"] for line in lines if line["by"] == "product"} == {"llm"}
    assert [line for line in lines if line["by"] == "installer"] == []
    assert eventually_nothing_left() == ([], [])


def test_an_environment_that_cannot_be_sealed_is_skipped_with_the_reason() -> None:
    ended = lab("plan", "sealed", "--env", "local")
    assert "the environment local cannot seal a network, nor see what is asked for" in ended.stdout
