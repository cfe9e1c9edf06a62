"""The cases on Dask: its LocalCluster, two worker processes of one thread each."""

import contextlib
import subprocess

import driver


def noop(_index=None):
    return 0


def count(values):
    return len(values)


def run_true(_index):
    return subprocess.run(["/bin/true"]).returncode


def make(size):
    import numpy

    return numpy.ones(size // 8)


def take(array):
    return array.nbytes if array[-1] == 1 else 0


@contextlib.contextmanager
def start():
    import dask
    import distributed

    # By default Dask hands a worker hardly more tasks than it can run at a time. For tasks this
    # small that costs it more than half of its rate: here it may send them ahead.
    dask.config.set({"distributed.scheduler.worker-saturation": float("inf")})
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        client.wait_for_workers(2)
        yield distributed.__version__, cases_of(distributed, client)


def cases_of(distributed, client):
    def throughput(sizes):
        tasks = sizes["tasks"]
        elapsed, values = driver.seconds(
            lambda: client.gather(client.map(noop, range(tasks), pure=False))
        )
        driver.expect(len(values), tasks)
        return tasks / elapsed

    def latency(sizes):
        return 1e3 * driver.median(
            driver.seconds(lambda: client.submit(noop, pure=False).result())[0]
            for _ in range(sizes["tasks"])
        )

    def fan_in(tasks):
        parts = client.map(noop, range(tasks), pure=False)
        return client.submit(count, parts, pure=False)

    def seed(sizes):
        groups, tasks = sizes["groups"], sizes["tasks"]
        elapsed, counts = driver.seconds(
            lambda: client.gather([fan_in(tasks) for _ in range(groups)])
        )
        driver.expect(counts, [tasks] * groups)
        return elapsed

    def merge(sizes):
        elapsed, value = driver.seconds(lambda: fan_in(sizes["tasks"]).result())
        driver.expect(value, sizes["tasks"])
        return elapsed

    def transfer(sizes):
        giver, taker = client.scheduler_info()["workers"]
        array = client.submit(make, sizes["bytes"], workers=[giver], pure=False)
        distributed.wait(array)
        elapsed, size = driver.seconds(
            lambda: client.submit(take, array, workers=[taker], pure=False).result()
        )
        driver.expect(size, sizes["bytes"])
        return sizes["bytes"] / elapsed / 1e9

    def spawn(sizes):
        tasks = sizes["tasks"]
        elapsed, codes = driver.seconds(
            lambda: client.gather(client.map(run_true, range(tasks), pure=False))
        )
        driver.expect(codes, [0] * tasks)
        return tasks / elapsed

    return {
        **{"throughput": throughput, "latency": latency, "seed": seed},
        **{"merge": merge, "transfer": transfer, "spawn": spawn},
    }


if __name__ == "__main__":
    driver.main(start)
