from pathlib import Path

import pytest

from lab.environment.containers.state import cannot_execute
from lab.environment.processes.table import waited_of

ID = "4f0c" * 16


def process(proc: Path, number: int, container: str, *waited: int) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "cgroup").write_text(f"4:cpu:/docker/{container}\n")
    for task, nanoseconds in enumerate(waited):
        (proc / str(number) / "task" / str(task)).mkdir(parents=True)
        (proc / str(number) / "task" / str(task) / "schedstat").write_text(f"1000 {nanoseconds} 7\n")


def test_the_task_that_waited_longest_counts_and_not_the_sum(tmp_path: Path) -> None:
    process(tmp_path, 10, ID, 900_000_000, 800_000_000, 700_000_000)
    assert waited_of([10], ID, tmp_path) == 0.9


@pytest.mark.parametrize(
    ("groups", "place", "stat"),
    [
        (f"4:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n", f"cpu,cpuacct/docker/{ID}", "throttled_time 2500000000"),
        (f"0::/system.slice/docker-{ID}.scope\n", f"system.slice/docker-{ID}.scope", "throttled_usec 2500000"),
    ],
    ids=["version 1", "version 2"],
)
def test_what_the_products_own_limit_held_back_does_not_count(
    groups: str, place: str, stat: str, tmp_path: Path
) -> None:
    process(tmp_path / "proc", 10, ID, 3_000_000_000)
    (tmp_path / "proc" / "10" / "cgroup").write_text(groups)
    (tmp_path / "cgroup" / place).mkdir(parents=True)
    (tmp_path / "cgroup" / place / "cpu.stat").write_text(f"nr_periods 7\n{stat}\n")
    assert waited_of([10], ID, tmp_path / "proc", tmp_path / "cgroup") == 0.5


def test_processes_that_are_not_the_containers_are_no_answer(tmp_path: Path) -> None:
    process(tmp_path, 10, "another", 3_000_000_000)
    assert waited_of([10, 11], ID, tmp_path) is None


SHIM = "failed to create task for container: failed to create shim task: OCI runtime create failed: "
RUNC = f"{SHIM}runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (f'{RUNC}exec: "serve": executable file not found in $PATH: unknown', "serve"),
        (f'{RUNC}exec: "/opt/a b/serve": stat /opt/a b/serve: no such file or directory: unknown', "/opt/a b/serve"),
        (f'{RUNC}error during container init: exec: "/opt/serve": permission denied: unknown', "/opt/serve"),
        (f'{RUNC}exec: "/opt": is a directory: unknown', "/opt"),
        (f"{RUNC}exec /usr/local/bin/serve: exec format error", "serve"),
        (
            f'{SHIM}starting container process caused "exec: \\"/serve\\": stat /serve: no such file or directory"',
            "/serve",
        ),
        (f'{RUNC}chdir to cwd ("/srv") set in config.json failed: permission denied: unknown', "serve"),
        ("crun: executable file `/opt/serve` not found: No such file or directory: OCI not found", "/opt/serve"),
        ("crun: open executable: Permission denied: OCI permission denied", "/opt/serve"),
        ("crun: exec container process `/usr/bin/serve`: Exec format error", "serve"),
    ],
)
def test_an_error_about_its_own_command_is_the_products(said: str, word: str) -> None:
    assert cannot_execute(said, word)


@pytest.mark.parametrize(
    "said",
    [
        "Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: permission denied",
        "rootlessport cannot expose privileged port 80, listen tcp 127.0.0.1:80: bind: permission denied",
        f"{RUNC}unable to apply cgroup configuration: mkdir /sys/fs/cgroup/docker: permission denied: unknown",
        f"{RUNC}openat2 /sys/fs/cgroup/system.slice/cpu.max: no such file or directory: unknown",
        'failed to start shim: exec: "containerd-shim-runc-v2": executable file not found in $PATH: unknown',
        "crun: chdir to `/var/lib/containers/merged`: Permission denied: OCI permission denied",
        "crun: open `/sys/fs/cgroup/cgroup.procs`: No such file or directory: OCI runtime: command was not found",
    ],
)
@pytest.mark.parametrize("word", ["/opt/serve", "serve", ""])
def test_an_error_about_the_engine_or_its_machine_is_not_the_products(said: str, word: str) -> None:
    assert not cannot_execute(said, word)
