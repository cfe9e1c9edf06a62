"""What the drivers of the peers share.

A driver is one process for one case of one peer:

    python dask-driver.py CASE --sizes JSON --runs N --seconds S

It starts the peer with two workers, runs the case once at a tenth of its size to warm up, then up to
N times (at least once, and no further once S seconds are over), stops the peer, and prints one line
of JSON: {"version", "runs", "cpuSeconds", "peakRssBytes"}, or {"skipped": reason}. All else that is
printed goes to standard error. A run gives its number in the unit that the case has in bench/.
"""

import argparse
import json
import os
import sys
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def seconds(work):
    """Runs `work` and gives how long it took and what it returned."""
    started_at = time.perf_counter()
    value = work()
    return time.perf_counter() - started_at, value


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def expect(value, wanted):
    if value != wanted:
        raise RuntimeError(f"the peer gave {value!r}, not {wanted!r}")


def shrink(sizes):
    return {name: max(1, size // 10) for name, size in sizes.items()}


def process_tree():
    """This process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(name)
            if fields:
                parents[int(name)] = int(fields[1])
    tree = {os.getpid()}
    grown = True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in tree} - tree
        tree |= below
        grown = bool(below)
    return tree


def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on; None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return None


def peak_rss_bytes(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = [line.split() for line in status if line.startswith("VmHWM:")]
    except OSError:
        return 0
    return int(lines[0][1]) * 1024 if lines else 0


def cpu_seconds():
    """User and system time so far of each process in the tree, by pid."""
    times = {pid: stat_fields(pid) for pid in process_tree()}
    return {
        pid: (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
        for pid, fields in times.items()
        if fields
    }


def measure(run, sizes, runs_max, seconds_max):
    """Warms up, then runs; a process that was not there before counts from its start."""
    run(shrink(sizes))
    started_at = time.perf_counter()
    before = cpu_seconds()
    runs = []
    while not runs or (len(runs) < runs_max and time.perf_counter() - started_at < seconds_max):
        runs.append(run(sizes))
    after = cpu_seconds()
    used = sum(value - before.get(pid, 0) for pid, value in after.items())
    return {
        "runs": runs,
        "cpuSeconds": used / len(runs),
        "peakRssBytes": sum(peak_rss_bytes(pid) for pid in after),
    }


def main(start):
    """Runs the case that the command line names.

    `start` imports and starts the peer: a context manager that gives (version, {case: run}), where
    `run(sizes)` does the work once and returns its number.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("--sizes", type=json.loads, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        with start() as (version, cases):
            figures = measure(
                cases[arguments.case], arguments.sizes, arguments.runs, arguments.seconds
            )
            result = {"version": version, **figures}
    except ImportError as error:
        result = {"skipped": f"{error} (scripts/install-peers installs it)"}
    print(json.dumps(result), file=answer, flush=True)
    sys.stderr.flush()
