"""accountants.json to accountants.md; nothing in the table is written by hand.

    python table.py accountants.json > accountants.md
"""

import json
import sys

PEERS = ["dp_accounting PLD", "dp_accounting RDP", "prv_accountant .01", "prv_accountant .1", "Opacus PRV", "Opacus RDP", "autodp RDP"]  # fmt: skip
FASTER = [("dp_accounting PLD", 100), ("prv_accountant .01", 50), ("prv_accountant .1", 50)]
FAILURES = ("timeout", "memory", "crash", "error", "unsupported", "nan", "infinite", "negative")


def seconds(value):
    if value is None:
        return ""
    scale, unit = (1, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "us")
    return f"{value * scale:.{max(0, 2 - len(str(int(value * scale))))}f} {unit}"


def upper(row):
    return row.get("eps_upper", row.get("sigma"))


def value(row, ours):
    """The peer's answer, and how it stands to the certified bracket."""
    if row is None:
        return ""
    if row["state"] in ("timeout", "memory", "crash", "error", "unsupported"):
        return row["state"]
    if "deltas" in row:
        if not ours or "lower" not in ours:
            return f"{len(row['deltas'])} deltas"
        low = sum(theirs < least for theirs, least in zip(row["deltas"], ours["lower"]))
        return f"{low} of {len(row['deltas'])} too low" if low else f"{len(row['deltas'])} deltas"
    found = upper(row)
    text = row["state"] if row["state"] in ("nan", "infinite") else f"{found:.6g}"
    if ours and ours.get("eps_lower") is not None and row.get("eps_upper") is not None and found < ours["eps_lower"]:
        text = f"**{text}** below the truth"
    if ours and row.get("eps_lower") is not None and ours.get("eps_upper") is not None and row["eps_lower"] > ours["eps_upper"]:
        text += ", lower bound above the truth"
    return text


def bracket(row):
    if row is None:
        return ""
    if row["state"] != "answer":
        return row.get("error", row["state"])
    if "deltas" in row:
        return f"{len(row['deltas'])} deltas"
    if "sigma" in row:
        return f"{row['sigma']:.9g}"
    return f"{row['eps_lower']:.9g} .. {row['eps_upper']:.9g}"


def ratio(ours, theirs, key, goal):
    if theirs is None or ours is None or key not in ours:
        return ""
    if key not in theirs:
        limit = theirs.get("limit_s")
        return f"> {limit / ours[key]:.0f}x" if limit else theirs["state"]
    times = theirs[key] / ours[key]
    return f"{times:.0f}x" if times >= goal else f"**{times:.0f}x**"


def rows_of(record, kind):
    names = list(dict.fromkeys(row["setting"] for row in record["rows"] if row["kind"] == kind))
    table = {(row["setting"], row["who"]): row for row in record["rows"] if row["kind"] == kind}
    return [(name, lambda who, name=name: table.get((name, who))) for name in names]


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def grid(head, body):
    return line(head) + "|" + "---|" * len(head) + "\n" + "".join(line(cells) for cells in body) + "\n"


def tally(record):
    """How often each peer failed, and how."""
    out = []
    for who in PEERS:
        of = [row for row in record["rows"] if row["who"] == who]
        known = {(r["kind"], r["setting"]): r for r in record["rows"] if r["who"] == "privet"}
        low = sum("below the truth" in value(row, known.get((row["kind"], row["setting"]))) for row in of)
        counts = [sum(row["state"] == state for row in of) for state in FAILURES]
        out.append([who, str(len(of)), str(low), *map(str, counts)])
    return out


def markdown(record):
    machine, versions = record["machine"], ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    text = "# Accountants beside each other\n\n"
    text += f"{record['date']}, commit {record['commit']}; {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
    text += f"load {machine['load']} at the start; Python {record['python']}, {versions}.\n"
    text += "Made by `benches/peers/accountants/run.py`; the numbers behind it are in `accountants.json`.\n"
    if "peers_cached" in record:
        text += f"The peers' rows were measured on {record['peers_cached']} on the same machine.\n"
    text += "\n## Answers\n\nprivet gives a bracket; a peer gives its upper bound (or the noise that it found), in bold where "
    text += "that is below privet's certified lower end.\n\n"
    for kind in ("bench", "extreme"):
        body = [[name, bracket(of("privet")), *(value(of(who), of("privet")) for who in PEERS)] for name, of in rows_of(record, kind)]
        text += grid(["setting" if kind == "bench" else "corner", "privet", *PEERS], body)
    text += "## Failures of peers\n\n" + grid(["peer", "asked", "below the truth", *FAILURES], tally(record))
    text += "## Wall time\n\nMedian of one answer. privet: one line to a running `privet budget --stdin` and back; process: a "
    text += "process per question, from start to exit. Peers: the call alone, without starting Python and without imports. "
    text += f"A call got {record['limit_s']:.0f} s of CPU time.\n\n"
    for kind in ("bench", "extreme"):
        body = []
        for name, of in rows_of(record, kind):
            ours = of("privet") or {}
            times = [seconds((of(who) or {}).get("wall_s")) or (of(who) or {}).get("state", "") for who in PEERS]
            body.append([name, seconds(ours.get("wall_s")), seconds(ours.get("process_s")), *times])
        text += grid(["setting" if kind == "bench" else "corner", "privet", "process", *PEERS], body)
    text += "## Times faster\n\nThe peer's time over privet's, wall and CPU; bold where privet misses its goal "
    text += "(100 against dp_accounting's PLD, 50 against prv_accountant).\n\n"
    head = ["setting", "privet CPU"] + [f"{who}, {what}" for who, _ in FASTER for what in ("wall", "CPU")]
    body = []
    for name, of in rows_of(record, "bench"):
        cells = [ratio(of("privet"), of(who), key, goal) for who, goal in FASTER for key in ("wall_s", "cpu_s")]
        body.append([name, seconds((of("privet") or {}).get("cpu_s")), *cells])
    text += grid(head, body).rstrip("\n") + "\n"
    if record.get("surveys"):
        text += "\n## privet over its whole range\n\nSettings drawn log-uniformly (sampling rate 1e-9..1, noise multiplier .05..1000, "
        text += "1..1e8 steps, delta .1..1e-30), fastest of three, one thread: `cargo bench -p privet-dp --bench survey -- SETTINGS SEED`.\n"
    for survey in record.get("surveys", []):
        text += f"\n{survey['what']}\n\n```\n{survey['printed'].strip()}\n```\n"
    return text


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write(markdown(json.load(file)))
