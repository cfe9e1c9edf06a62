"""HyperQueue: its LocalCluster (server and two workers in this process, no journal).

Its tasks are commands, so it has the case `spawn` alone. Its Python client asks once a second
whether a job is done: too coarse here, so a last command, which depends on all others, says when.
"""

import contextlib
import os
import tempfile
import time

import driver

# What two workers run at a time is as many as in our case.
CORES_OF_A_WORKER = 8
POLL_SECONDS = 0.001


@contextlib.contextmanager
def start():
    import hyperqueue
    from hyperqueue.cluster import WorkerConfig
    from hyperqueue.ffi import get_version

    with hyperqueue.LocalCluster() as cluster:
        for _ in range(2):
            cluster.start_worker(WorkerConfig(cores=CORES_OF_A_WORKER))
        client = cluster.client()
        yield get_version(), {"spawn": lambda sizes: spawn(hyperqueue, client, sizes["tasks"])}


def spawn(hyperqueue, client, tasks):
    with tempfile.TemporaryDirectory() as directory:
        done = os.path.join(directory, "done")
        job = hyperqueue.Job()
        commands = [
            job.program(["/bin/true"], stdout=None, stderr=None) for _ in range(tasks)
        ]
        job.program(["/bin/mkdir", done], stdout=None, stderr=None, deps=commands)

        def run():
            submitted = client.submit(job)
            while not os.path.exists(done):
                time.sleep(POLL_SECONDS)
            return submitted

        elapsed, submitted = driver.seconds(run)
        driver.expect(client.wait_for_jobs([submitted]), True)
        client.forget(submitted)
    return tasks / elapsed


if __name__ == "__main__":
    driver.main(start)
