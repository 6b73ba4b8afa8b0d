"""Each check before the start finds its own problem and says what to do."""

import dataclasses
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.supervisor.account import Account
from gateway.adapters.supervisor.machine import Machine
from gateway.adapters.supervisor.plan import StackPlan
from gateway.adapters.supervisor.preflight import CHECKS, refuse_problems
from gateway.adapters.supervisor.wheels import LIBPYTHON, PostgresWheel, TritonWheel
from gateway.errors import CannotStart

FINE = Machine(
    triton=TritonWheel(program=Path("t"), libraries=Path("l"), backend=Path("b"), stub=Path("s")),
    postgres=PostgresWheel(root=Path("p"), version="1"),
    libpython=Path("/usr/lib"),
    glibc=(2, 36),
    shared_memory_free=1 << 30,
    is_root=False,
    has_name=True,
    account=None,
    can_switch_user=True,
)
NOBODY = Account(name="nobody", uid=65534, gid=65534, groups=())


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    (tmp_path / "models" / "one" / "1").mkdir(parents=True)
    return StackPlan(data_dir=tmp_path / "d", model_repository=tmp_path / "models", with_postgres=True)


def problem(name: str, plan: StackPlan, machine: Machine) -> str | None:
    return next(check.problem(plan, machine) for check in CHECKS if check.name == name)


def test_a_machine_where_all_is_well_is_not_refused_and_nothing_is_made(plan: StackPlan) -> None:
    if len(os.fsencode(plan.data_dir)) < 80:
        refuse_problems(plan, FINE)
    assert not plan.data_dir.exists()


@pytest.mark.parametrize(
    ("check", "facts", "said"),
    [
        ("embedded servers", {"triton": None}, r"pip install 'triton-ensemble-gateway\[embedded\]'"),
        ("embedded servers", {"triton": None, "postgres": None}, "Triton and PostgreSQL is not installed"),
        ("libpython", {"libpython": None}, f"{LIBPYTHON}, .* apt-get install libpython3"),
        ("glibc", {"glibc": (2, 31)}, "glibc 2.35 or newer and this system has glibc 2.31"),
        ("glibc", {"glibc": None}, "another C library"),
        ("shared memory", {"shared_memory_free": 1 << 20}, "has 1 MB free .* --shm-size=1g"),
        ("database user", {"is_root": True}, "create a user postgres"),
        ("database user", {"is_root": True, "account": NOBODY, "can_switch_user": False}, "does not run as root"),
        ("database user", {"has_name": False}, "no name in /etc/passwd"),
    ],
)
def test_a_fact_that_hinders_the_start_is_named_with_its_remedy(
    plan: StackPlan, check: str, facts: dict[str, object], said: str
) -> None:
    machine = dataclasses.replace(FINE, **facts)  # type: ignore[arg-type]
    assert problem(check, plan, FINE) is None
    with pytest.raises(CannotStart, match=said):
        raise CannotStart(problem(check, plan, machine))
    outside = dataclasses.replace(plan, model_repository=None, with_postgres=False)
    assert problem(check, outside, machine) is None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: folder.rename(folder.with_name("x")), "is not a folder"),
        (lambda f: (f / "1").rmdir(), "no model"),
    ],
)
def test_a_repository_without_models_is_refused(plan: StackPlan, spoil: Callable[[Path], None], said: str) -> None:
    assert problem("model repository", plan, FINE) is None
    assert plan.model_repository is not None
    spoil(plan.model_repository if "folder" in said else plan.model_repository / "one")
    found = problem("model repository", plan, FINE)
    assert found is not None
    assert said in found
    assert "--model-repository" in found


def test_a_port_in_use_is_named_with_the_flag_that_changes_it(plan: StackPlan) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = dataclasses.replace(plan, ports=(("REST", "127.0.0.1", port),))
        found = problem("ports", taken, FINE)
        assert found is not None
        assert f"127.0.0.1:{port}" in found
        assert "--rest-port" in found
    assert problem("ports", taken, FINE) is None


def test_a_path_too_long_for_a_socket_is_refused_with_its_length(plan: StackPlan) -> None:
    deep = dataclasses.replace(plan, data_dir=Path("/tmp") / ("d" * 100))
    found = problem("socket path", deep, FINE)
    assert found is not None
    assert "16 bytes too long" in found
    assert "(123 of 107)" in found
    assert problem("socket path", dataclasses.replace(deep, with_postgres=False), FINE) is None


def test_a_file_in_place_of_the_data_directory_is_refused(plan: StackPlan) -> None:
    plan.data_dir.write_text("not a folder")
    found = problem("data directory", plan, FINE)
    assert found is not None
    assert "cannot be written" in found
