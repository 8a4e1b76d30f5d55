#!/usr/bin/env python3
"""privet's accountant beside the public ones: first what they answer, then how long it takes.

    python run.py --privet PATH [--out DIR] [--repeat 3] [--peers A,B] [--only TEXT] [--cached FILE]

Every peer runs in a forked child with limits on time and memory, so that a hang or a crash is a result. privet runs as
one process, `privet budget --stdin`, and is timed line by line from the write to the end of the answer, pipe included;
and once more as a process per question. --cached takes the peers' rows from an earlier record of this machine; the
record says so. Without --privet only peers run. Writes accountants.json and accountants.md (table.py) to DIR.
"""

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import multiprocessing
import platform
import resource
import statistics
import subprocess
import time
import warnings

import table
from settings import BENCH, EXTREME

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY_BYTES = 10 << 30
PACKAGES = ("dp-accounting", "prv-accountant", "opacus", "autodp", "numpy", "scipy")


# ---------------------------------------------------------------- peers


def child(function, task, repeat, limit, pipe):
    import peers

    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        wall, cpu, answer = [], [], None
        for _ in range(repeat):
            # Each call has its own limit.
            spent = int(time.process_time() + limit) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (spent, resource.RLIM_INFINITY))
            start, start_cpu = time.perf_counter(), time.process_time()
            with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                answer = peers.tidy(function(task))
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
            if cpu[0] > 5:
                break
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        times = dict(wall_s=statistics.median(wall), cpu_s=statistics.median(cpu), repeats=len(wall), rss_mb=rss)
        pipe.send({"state": peers.state(answer), **answer, **times})
    except MemoryError:
        pipe.send({"state": "memory"})
    except peers.Unsupported as error:
        pipe.send({"state": "unsupported", "error": str(error)})
    except BaseException as error:  # noqa: BLE001, whatever a peer throws is its result
        pipe.send({"state": "error", "error": f"{type(error).__name__}: {error}"[:200]})


def peer(function, task, repeat, limit):
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(False)
    process = context.Process(target=child, args=(function, task, repeat, limit, send))
    process.start()
    send.close()
    row = None
    if receive.poll(4 * limit * repeat):
        with contextlib.suppress(EOFError):
            row = receive.recv()
    else:
        process.kill()
        row = {"state": "timeout", "limit_s": limit}
    process.join()
    if row is None:
        killed = process.exitcode in (-9, -24)
        row = {"state": "timeout", "limit_s": limit} if killed else {"state": "crash", "error": str(process.exitcode)}
    return row


# ---------------------------------------------------------------- privet


class Privet:
    """One process for all questions."""

    def __init__(self, path):
        self.command = [path, "budget", "--stdin"]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.output = os.fdopen(os.dup(self.process.stdout.fileno()), "rb")

    def cpu(self):
        """Seconds on a processor so far, in nanosecond steps."""
        with open(f"/proc/{self.process.pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def ask(self, lines):
        """(answers, seconds): every line is written when the answer to the one before has been read."""
        start, answers = time.perf_counter(), []
        for line in lines:
            self.process.stdin.write(line)
            answers.append(self.output.readline())
        seconds = time.perf_counter() - start
        return [json.loads(answer) for answer in answers], seconds

    def measure(self, task, repeat):
        lines = questions(task)
        answers, first = self.ask(lines)
        row = read(task, answers)
        repeat = max(3, min(repeat, int(2.0 / max(first, 1e-6))))
        before, wall = self.cpu(), []
        for _ in range(repeat):
            wall.append(self.ask(lines)[1])
        row.update(cpu_s=(self.cpu() - before) / repeat, wall_s=statistics.median(wall), wall_max_s=max(wall))
        row.update(first_s=first, repeats=repeat, process_s=self.process_each(lines))
        return row

    def process_each(self, lines):
        """A process per task, from fork to exit."""
        wall = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(self.command, input=b"".join(lines), stdout=subprocess.DEVNULL, check=True)
            wall.append(time.perf_counter() - start)
        return statistics.median(wall)


def questions(task):
    return [json.dumps(task).encode() + b"\n"]


def read(task, answers):
    wrong = [answer["error"] for answer in answers if "error" in answer]
    if wrong:
        return {"state": "error", "error": str(wrong[0])[:200]}
    if task["op"] == "curve":
        return {"state": "answer", "deltas": answers[0]["delta_upper"], "lower": answers[0]["delta_lower"]}
    kept = ("eps_lower", "eps", "eps_upper", "sigma", "engine")
    return {"state": "answer", **{k: v for k, v in answers[0].items() if k in kept}}


# ---------------------------------------------------------------- the record


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return dict(cpu=model, cores=os.cpu_count(), memory_gb=memory, load=round(os.getloadavg()[0], 1))


def commit():
    found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    return found.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--privet")
    parser.add_argument("--out", default=os.path.join(HERE, "..", "..", "record"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds of one call of a peer")
    parser.add_argument("--peers", help="names from peers.py; 'none' for none")
    parser.add_argument("--only", default="", help="settings whose name holds this text")
    parser.add_argument("--cached", help="an accountants.json to take the peers' rows from")
    asked = parser.parse_args()

    record = dict(date=datetime.date.today().isoformat(), commit=commit(), machine=machine(), limit_s=asked.limit, rows=[])
    record["python"] = platform.python_version()
    record["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
    tasks = [("bench", *item) for item in BENCH.items()] + [("extreme", *item) for item in EXTREME.items()]
    tasks = [task for task in tasks if asked.only in task[1]]

    def keep(kind, name, who, row):
        record["rows"].append({"kind": kind, "setting": name, "who": who, **row})
        shown = {k: v for k, v in row.items() if not isinstance(v, list)}
        print(f"{kind:8s}{name:42s}{who:20s}", " ".join(f"{k}={v}" for k, v in shown.items()), flush=True)

    if asked.privet:
        privet = Privet(asked.privet)
        privet.ask(questions(tasks[0][2]))
        for kind, name, task in tasks:
            keep(kind, name, "privet", privet.measure(task, 200))
    if asked.cached:
        with open(asked.cached) as file:
            old = json.load(file)
        assert old["machine"]["cpu"] == record["machine"]["cpu"], "another machine"
        record["peers_cached"] = old["date"]
        record["rows"] += [row for row in old["rows"] if row["who"] != "privet"]
    elif asked.peers != "none":
        import peers

        chosen = asked.peers.split(",") if asked.peers else list(peers.PEERS)
        for kind, name, task in tasks:
            for who in chosen:
                repeat = asked.repeat if kind == "bench" else 1
                keep(kind, name, who, peer(peers.PEERS[who], task, repeat, asked.limit))

    os.makedirs(asked.out, exist_ok=True)
    previous = os.path.join(asked.out, "accountants.json")
    if os.path.exists(previous):
        # The survey is another program's and takes no peers.
        with open(previous) as file:
            record["surveys"] = json.load(file).get("surveys", [])
    with open(previous, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    with open(os.path.join(asked.out, "accountants.md"), "w") as file:
        file.write(table.markdown(record))


if __name__ == "__main__":
    main()
