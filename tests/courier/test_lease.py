from __future__ import annotations

import os
import subprocess
import sys

import pytest

from services.courier.lease import is_gone, new_holder


def test_every_courier_has_a_name_of_its_own() -> None:
    assert len({new_holder() for _ in range(100)}) == 100


def test_this_process_is_alive() -> None:
    assert not is_gone(new_holder())


@pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart by /proc")
def test_a_process_that_ended_is_gone_and_one_that_runs_is_not() -> None:
    program = "from services.courier.lease import new_holder; print(new_holder(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        holder = child.stdout.readline().strip()
        assert not is_gone(holder)
        child.kill()
    assert is_gone(holder)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart by /proc")
def test_an_earlier_process_with_our_process_id_is_gone() -> None:
    machine, pid, _, courier = new_holder().split("/")
    assert int(pid) == os.getpid()
    assert is_gone(f"{machine}/{pid}/another/{courier}")


@pytest.mark.parametrize("holder", ["", "x", "elsewhere/1/p/c", "unknown/999999999/p/c", "a/b/c/d"])
def test_of_others_nothing_is_known(holder: str) -> None:
    assert not is_gone(holder)
