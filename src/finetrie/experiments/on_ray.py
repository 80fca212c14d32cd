"""The same work on Ray: on this machine's cores and GPUs, or on a cluster that is already running.

Every process computes with the number of threads that its job asks for, so numbers do not depend on where a job runs.
The folder of the grid must be one that every machine sees under the same path.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from finetrie.errors import ConfigError
from finetrie.experiments.scheduling import Ended, Event, Failure, Job, Lost, Started, Work, attempt

LOCAL = "ray"
"""Start Ray on this machine; anything else is the address of a cluster."""

ANSWER_SECONDS = 5.0

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray sends nothing home, and leaves the accelerators visible to work that asks for none."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, started here or connected to `address`; ended or left again with the block.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at that address.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "--on ray: Ray is not installed", fix='pip install "finetrie[ray]", or leave --on out'
        ) from None
    if address != LOCAL:
        _answers(address)
    where: dict[str, Any] = {} if address == LOCAL else {"address": address}
    if address == LOCAL:
        where["include_dashboard"] = False
        where["address"] = "local"
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, namespace="finetrie")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _nobody(address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _answers(address: str) -> None:
    """Raise unless something listens at HOST:PORT: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # such as "auto", for which Ray looks on this machine
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, error) from None


def _nobody(address: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"--on {address}: no Ray cluster answers there: {error}", fix="start one, or use --on ray for this machine"
    )


def on_ray(
    jobs: Sequence[Job], work: Work, *, address: str = LOCAL, cpus: int = 1, gpus: float = 0.0, retries: int = 2
) -> Iterator[Event]:
    """Do all jobs side by side, as many as the cluster has room for.

    Args:
        work: a function that can be imported by name, with arguments that can be pickled.
        cpus, gpus: what one job asks for.
        retries: how often a job whose worker was lost begins again.

    Raises:
        ConfigError: no Ray, no cluster, or no machine in it with that many CPUs and GPUs.
    """
    with connected(address) as ray:
        _require(ray, cpus, gpus)
        # retries are counted here, where the user is told of them
        remote = ray.remote(max_retries=0, num_cpus=cpus, num_gpus=gpus)(attempt)
        yield from _Board(ray, remote, work, retries).run(jobs)


class _Board:
    """Which jobs wait, and which are under way."""

    def __init__(self, ray: Any, remote: Any, work: Work, retries: int) -> None:
        self._ray, self._remote, self._work, self._retries = ray, remote, work, retries
        self._running: dict[
            Any, tuple[Job, int, float]
        ] = {}  # Ray's reference -> job, attempt, when it was handed over

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        waiting = deque((job, 1) for job in jobs)
        while waiting or self._running:
            while waiting:
                job, number = waiting.popleft()
                self._running[self._remote.remote(self._work, job.payload)] = job, number, perf_counter()
                if number == 1:
                    yield Started(job.name)
            ready, _ = self._ray.wait(list(self._running), num_returns=1)
            job, number, begun = self._running.pop(ready[0])
            lost, failure = self._result(ready[0], number)
            if lost is not None and number <= self._retries:
                waiting.append((job, number + 1))
                yield Lost(job.name, number, lost)
                continue
            yield Ended(job.name, perf_counter() - begun, failure)

    def _result(self, reference: Any, number: int) -> tuple[str | None, Failure | None]:
        """(why the worker was lost, the failure if there are no more attempts); (None, None) for a job that is done."""
        try:
            return None, self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # before the work began: it could not be imported there
            said = [line for line in str(error).splitlines() if line.strip()]
            return None, Failure(type(error.cause).__name__, said[-1].strip(), str(error), attempts=number)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().partition("\n")[0]
            return reason, Failure(type(error).__name__, reason, attempts=number)


def _require(ray: Any, cpus: int, gpus: float) -> None:
    """Ray would wait for ever for a machine that does not exist."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        return
    found = "; ".join(f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs" for node in nodes) or "none"
    raise ConfigError(
        f"a cell asks for {cpus} CPUs and {gpus:g} GPUs, and no machine of the cluster has them (there: {found})",
        fix="set curve.cpus and curve.gpus to what one machine has",
    )
