"""The cases on Ray: one node of two CPUs, so two worker processes; no dashboard."""

import contextlib
import os
import subprocess
import tempfile

import driver


@contextlib.contextmanager
def start():
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as directory:
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            _temp_dir=directory,
        )
        try:
            yield ray.__version__, cases_of(ray)
        finally:
            ray.shutdown()


def cases_of(ray):
    @ray.remote
    def noop():
        return 0

    @ray.remote
    def count(*values):
        return len(values)

    @ray.remote
    def run_true():
        return subprocess.run(["/bin/true"]).returncode

    @ray.remote
    class Worker:
        def ready(self):
            return True

        def make(self, size):
            import numpy

            return numpy.ones(size // 8)

        def take(self, array):
            return array.nbytes if array[-1] == 1 else 0

    def throughput(sizes):
        tasks = sizes["tasks"]
        elapsed, values = driver.seconds(lambda: ray.get([noop.remote() for _ in range(tasks)]))
        driver.expect(len(values), tasks)
        return tasks / elapsed

    def latency(sizes):
        return 1e3 * driver.median(
            driver.seconds(lambda: ray.get(noop.remote()))[0] for _ in range(sizes["tasks"])
        )

    def fan_in(tasks):
        return count.remote(*[noop.remote() for _ in range(tasks)])

    def seed(sizes):
        groups, tasks = sizes["groups"], sizes["tasks"]
        elapsed, counts = driver.seconds(lambda: ray.get([fan_in(tasks) for _ in range(groups)]))
        driver.expect(counts, [tasks] * groups)
        return elapsed

    def merge(sizes):
        elapsed, value = driver.seconds(lambda: ray.get(fan_in(sizes["tasks"])))
        driver.expect(value, sizes["tasks"])
        return elapsed

    workers = []

    def transfer(sizes):
        while len(workers) < 2:
            workers.append(Worker.remote())
        array = workers[0].make.remote(sizes["bytes"])
        ray.wait([array, workers[1].ready.remote()], num_returns=2)
        elapsed, size = driver.seconds(lambda: ray.get(workers[1].take.remote(array)))
        driver.expect(size, sizes["bytes"])
        return sizes["bytes"] / elapsed / 1e9

    def spawn(sizes):
        tasks = sizes["tasks"]
        elapsed, codes = driver.seconds(lambda: ray.get([run_true.remote() for _ in range(tasks)]))
        driver.expect(codes, [0] * tasks)
        return tasks / elapsed

    return {
        **{"throughput": throughput, "latency": latency, "seed": seed},
        **{"merge": merge, "transfer": transfer, "spawn": spawn},
    }


if __name__ == "__main__":
    driver.main(start)
