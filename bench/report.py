# SPDX-License-Identifier: Apache-2.0
"""From the results to tables: goals with what was measured, then the figures behind them."""
import statistics

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
NAMES = {"nginx": "nginx", "haproxy": "HAProxy", "njs": "njs, signing", "envoy": "Envoy, signing", "peer": "aws-sigv4-proxy",
         "ours": "sigv4-proxy"}
WHAT = {"get-1k-c1": "GET 1 KiB, 1 client", "get-1k-c16": "GET 1 KiB, 16", "get-1k-c64": "GET 1 KiB, 64",
        "get-1k-c256": "GET 1 KiB, 256", "get-1k-c1000": "GET 1 KiB, 1,000", "get-64k-c64": "GET 64 KiB, 64",
        "put-4k-c64": "PUT 4 KiB, 64", "post-4k-c64": "POST 4 KiB, hashed, 64", "put-1m-c16": "PUT 1 MiB, 16",
        "put-1m-hashed-c16": "PUT 1 MiB, hashed, 16"}
AT_LEAST, AT_MOST = True, False


class Ratio:
    """The median of the rounds' ratios, and their range."""

    def __init__(self, values):
        self.median, self.low, self.high = statistics.median(values), min(values), max(values)

    def __str__(self):
        return f"{self.median:.2f}" + (f" ({self.low:.2f}–{self.high:.2f})" if self.high > self.low else "")


class Runs:
    """The rows of the capacity series by round."""

    def __init__(self, rows):
        self.rows = {(r["scenario"], r["target"], r["round"]): r for r in rows if r["is_valid"]}
        self.targets = [t for t in NAMES if any(k[1] == t for k in self.rows)]
        self.scenarios = [s for s in WHAT if any(k[0] == s for k in self.rows)]

    def all(self, scenario, target):
        return [r for (s, t, _), r in self.rows.items() if (s, t) == (scenario, target)]

    def ratio(self, scenario, target, against, key="cpu_us", inverse=True):
        """Capacity of target in units of the other one's (inverse), or plainly key over key."""
        values = []
        for (s, t, number), row in self.rows.items():
            other = self.rows.get((scenario, against, number))
            if (s, t) == (scenario, target) and other and row[key] and other[key]:
                values.append(other[key] / row[key] if inverse else row[key] / other[key])
        return Ratio(values) if values else None

    def cpu(self, scenario, target):
        values = [row["cpu_us"] for row in self.all(scenario, target)]
        return statistics.median(values) if values else None


def median_of(rows, key, **where):
    values = [r[key] for r in rows if all(r[k] == v for k, v in where.items())]
    return statistics.median(values) if values else None


def goal(what, value, direction, must, stretch, unit=""):
    """A line of the first table; nothing where nothing was measured."""
    if value is None:
        return None
    number = value.median if isinstance(value, Ratio) else value
    sign = "≥" if direction == AT_LEAST else "≤"

    def is_met(limit):
        return number >= limit if direction == AT_LEAST else number <= limit

    def column(limit):
        if limit is None:
            return "", ""
        return f"{sign} {limit:g}{unit}", "met" if is_met(limit) else "**missed**"

    shown = str(value) if isinstance(value, Ratio) else f"{value:.3g}{unit}" if value < 1000 else f"{value:.0f}{unit}"
    return (what, shown, *column(must), *column(stretch))


def least(runs, scenarios, target, against):
    found = [r for r in (runs.ratio(s, target, against) for s in scenarios) if r]
    return min(found, key=lambda r: r.median) if found else None


def capacity_goals(runs):
    def against(scenario, other="nginx"):
        return runs.ratio(scenario, "ours", other)
    middle = ["get-1k-c16", "get-1k-c64", "get-1k-c256"]
    return [
        goal("GET 1 KiB, 64 clients: capacity vs nginx", against("get-1k-c64"), AT_LEAST, 0.90, 1.05),
        goal("the same vs Envoy's signer, 16 to 256 clients (the least)", least(runs, middle, "ours", "envoy"),
             AT_LEAST, 2.7, 3.2),
        goal("the same vs njs's signer", least(runs, middle, "ours", "njs"), AT_LEAST, 2.1, 2.4),
        goal("the same vs aws-sigv4-proxy, 1 client", against("get-1k-c1", "peer"), AT_LEAST, 1.6, 2),
        goal("the same vs aws-sigv4-proxy, 16 and more", least(runs, middle, "ours", "peer"), AT_LEAST, 12, 16),
        goal("POST 4 KiB with payload hash, 64 clients, vs nginx", against("post-4k-c64"), AT_LEAST, 0.85, 1),
        goal("GET 64 KiB, 64 clients, vs nginx", against("get-64k-c64"), AT_LEAST, 1.2, 1.55),
        goal("PUT 4 KiB, 64 clients, vs nginx", against("put-4k-c64"), AT_LEAST, 1.0, 1.2),
        goal("PUT 1 MiB, 16 clients, vs nginx", against("put-1m-c16"), AT_LEAST, 1.2, 1.5),
        goal("PUT 1 MiB with payload hash vs aws-sigv4-proxy", against("put-1m-hashed-c16", "peer"), AT_LEAST, 1.8, 2.2),
        goal("GET 1 KiB, 64 clients, vs HAProxy", against("get-1k-c64", "haproxy"), AT_LEAST, 0.95, None),
        goal("GET 1 KiB, 256 clients, vs HAProxy", against("get-1k-c256", "haproxy"), AT_LEAST, 0.95, None),
        goal("GET 64 KiB, 64 clients, vs HAProxy", against("get-64k-c64", "haproxy"), AT_LEAST, 1.0, None),
        goal("PUT 1 MiB, 16 clients, vs HAProxy", against("put-1m-c16", "haproxy"), AT_LEAST, 1.0, None),
        goal("latency, GET 1 KiB, 64 clients: p50 as a ratio to nginx's",
             runs.ratio("get-1k-c64", "ours", "nginx", "p50", False), AT_MOST, 1.0, None),
        goal("the same: p99", runs.ratio("get-1k-c64", "ours", "nginx", "p99", False), AT_MOST, 1.0, None),
        goal("CPU per request, 16 to 1,000 clients: most over least", flatness(runs), AT_MOST, 1.3, None),
    ]


def flatness(runs):
    counts = ("get-1k-c16", "get-1k-c64", "get-1k-c256", "get-1k-c1000")
    costs = [runs.cpu(s, "ours") for s in counts]
    return max(costs) / min(costs) if all(costs) else None


def share(of):
    return 100 * of["handshakes"] / max(of["requests"], 1)


def memory_goals(rows):
    row = next((r for r in rows if r["target"] == "ours"), None)
    if not row:
        return []
    each = max(0.0, (row["with_clients"] - row["idle"]) / row["clients"])
    lines = [goal("memory, idle", row["idle"] / 1024, AT_MOST, 10, 8, " MB"),
             goal(f"memory per idle client after a 1 MiB GET ({row['clients']:,} of them)", each, AT_MOST, 2, 1, " KiB")]
    if row["more"] >= 10000:
        lines.append(goal("memory with 10,000 idle clients", row["with_more"] / 1024, AT_MOST, 40, None, " MB"))
    return lines


def gigabyte_goals(rows):
    def cpu_ratio(way):
        pairs = {}
        for row in rows:
            if row["way"] == way:
                pairs.setdefault(row["round"], {})[row["target"]] = row["cpu"]
        ratios = [p["ours"] / p["nginx"] for p in pairs.values() if "ours" in p and "nginx" in p]
        return Ratio(ratios) if ratios else None

    grown = [r["growth"] / 1024 for r in rows if r["target"] == "ours"]
    return [goal("growth of peak memory for 1 GiB up or down (the most)", max(grown) if grown else None, AT_MOST, 2, 0.5,
                 " MB"),
            goal("CPU for 1 GiB up, as a ratio to nginx's", cpu_ratio("up"), AT_MOST, 0.8, 0.55),
            goal("CPU for 1 GiB down, as a ratio to nginx's", cpu_ratio("down"), AT_MOST, 1.0, 0.8)]


def other_goals(results):
    lines = []
    patterns = {"kept": "64 clients that stay", "fresh": "64 at a time, a connection for each request",
                "sparse": "2 requests a second, a connection each"}
    for key, text in patterns.items():
        if key in results.get("handshakes", {}):
            lines.append(goal(f"TLS handshakes per 100 requests, 4 workers: {text}", share(results["handshakes"][key]),
                              AT_MOST, 1, 0.1))
    lines += memory_goals(results.get("memory", [])) + gigabyte_goals(results.get("gigabyte", []))
    lines.append(goal("start to the first answer", median_of(results.get("start", []), "ms", target="ours"), AT_MOST, 30, 15,
                      " ms"))
    if "signer" in results:
        lines.append(goal("a signature (6 fields, session token, key cached)",
                          results["signer"]["sigv4 header, session token"] / 1e3, AT_MOST, 5, 3, " µs"))
    stalled = {row["target"]: row for row in results.get("stalled", [])}
    if "ours" in stalled:
        lines.append(goal("200 stalled clients gone: upstream connections left 1 s after half_close_grace (1 s)", stalled["ours"]["left"], AT_MOST,
                          0, None))
    if {"ours", "nginx"} <= set(stalled):
        lines.append(goal("a request beside 200 stalled ones: ms more than nginx's",
                          max(0.0, stalled["ours"]["ms"] - stalled["nginx"]["ms"]), AT_MOST, 5, None))
    return lines


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)] +
                     ["| " + " | ".join(row) + " |" for row in rows])


def capacity_tables(runs):
    others = [t for t in runs.targets if t != "nginx"]
    rows = []
    for scenario in runs.scenarios:
        base = runs.cpu(scenario, "nginx")
        cells = [str(runs.ratio(scenario, t, "nginx") or "") for t in others]
        rows.append([WHAT[scenario], f"{base:.1f} µs" if base else "", *cells])
    yield "Capacity (processor time of nginx over that of the proxy; median of the rounds, and their range):\n"
    yield table(["requests, clients", "nginx", *(NAMES[t] for t in others)], rows) + "\n"
    rows = []
    for scenario in runs.scenarios:
        for key in ("p50", "p99"):
            if scenario in ("get-1k-c64", "get-1k-c256", "put-4k-c64"):
                values = [median_of(runs.all(scenario, t), key) for t in runs.targets]
                rows.append([f"{WHAT[scenario]}: {key}", *(f"{v / 1e3:.2f} ms" if v else "" for v in values)])
    if rows:
        yield "Latency (medians of the rounds; as fast as the load generator can go, so queues are in it):\n"
        yield table(["", *(NAMES[t] for t in runs.targets)], rows) + "\n"


def growth_table(rows):
    base = Runs([dict(r, scenario="get-1k-c64") for r in rows])
    names = list(dict.fromkeys(r["target"] for r in rows))
    pair = {"64 credential entries": "64 names"}

    def values(name, against):
        return [r["cpu_us"] / other["cpu_us"] for (_, t, n), r in base.rows.items() if t == name
                for (_, o, m), other in base.rows.items() if (o, m) == (against, n)]
    lines = []
    for name in names:
        against = pair.get(name, "1 worker")
        found = values(name, against)
        cost = median_of(base.rows.values(), "cpu_us", target=name)
        rate = median_of(base.rows.values(), "rate", target=name)
        if found:
            lines.append([name, f"{cost:.1f} µs", f"{Ratio(found)} of {against}" if name != against else "", f"{rate:,.0f}"])
    return table(["GET 1 KiB, 64 clients, with", "CPU per request", "ratio", "requests a second"], lines)


def memory_table(results):
    memory = {row["target"]: row for row in results.get("memory", [])}
    start, big = results.get("start", []), results.get("gigabyte", [])
    names = [t for t in NAMES if t in memory or any(r["target"] == t for r in start + big)]

    def megabytes(target, key):
        return f"{memory[target][key] / 1024:.1f} MB" if target in memory else ""

    def of(rows, form, key, **where):
        value = median_of(rows, key, **where)
        return form.format(value) if value is not None else ""
    lines = [["idle", *(megabytes(t, "idle") for t in names)]]
    if memory:
        some = next(iter(memory.values()))
        lines.append([f"{some['clients']:,} idle clients, 1 MiB fetched by each", *(megabytes(t, "with_clients") for t in names)])
        lines.append([f"{some['more']:,} idle clients", *(megabytes(t, "with_more") for t in names)])
    for way in ("up", "down"):
        lines.append([f"1 GiB {way}: CPU", *(of(big, "{:.2f} s", "cpu", target=t, way=way) for t in names)])
        lines.append([f"1 GiB {way}: growth of the peak",
                      *(f"{max(g) / 1024:.1f} MB" if (g := [r["growth"] for r in big if (r["target"], r["way"]) == (t, way)])
                        else "" for t in names)])
    lines.append(["start to the first answer", *(of(start, "{:.1f} ms", "ms", target=t) for t in names)])
    lines.append(["of that, CPU", *(of(start, "{:.1f} ms", "cpu_ms", target=t) for t in names)])
    return table(["", *(NAMES[t] for t in names)], lines)


def markdown(results):
    runs = Runs(results.get("capacity", []))
    lines = [line for line in capacity_goals(runs) + other_goals(results) if line]
    parts = [f"Measured on {results['date']} on {results['machine']}; {', '.join(results['versions'].values())}; "
             f"rounds: {results['rounds']}, of {results['seconds']} s a cell (1,000 clients: twice that). nginx and HAProxy do not sign; the requests of all others "
             "are signed, all of them as the upstream counted.\n",
             table(["goal", "measured", "must", "", "stretch", ""], lines) + "\n"]
    musts, stretches = [line[3] for line in lines if line[2]], [line[5] for line in lines if line[4]]
    parts.append(f"Must: {musts.count('met')} of {len(musts)} met. Stretch: {stretches.count('met')} of {len(stretches)}.\n")
    if runs.rows:
        parts.append("![capacity next to nginx, and CPU per request over the number of clients](performance.svg)\n")
        parts += capacity_tables(runs)
    if results.get("growth"):
        parts += ["What growth costs (CPU per request of sigv4-proxy, next to itself in the same rounds):\n",
                  growth_table(results["growth"]) + "\n"]
    if results.get("memory") or results.get("gigabyte") or results.get("start"):
        parts += ["Memory is what is resident of all processes of a proxy, pages that they share counted once:\n",
                  memory_table(results) + "\n"]
    if "signer" in results:
        parts.append("Signer alone: " + "; ".join(f"{name} {ns / 1e3:.2f} µs" for name, ns in results["signer"].items()) + ".\n")
    return "\n".join(parts)


def plain(text):
    """The same for a terminal: columns of one width."""
    out, block = [], []

    def flush():
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block]
        rows = [row for row in rows if set("".join(row)) - set("- ")]
        widths = [max(map(len, column)) for column in zip(*rows)]
        out.extend("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
        block.clear()

    for line in text.splitlines() + [""]:
        if line.startswith("|"):
            block.append(line)
            continue
        if block:
            flush()
        if not line.startswith("!["):
            out.append(line)
    return "\n".join(out)


def insert(path, text):
    before, rest = path.read_text().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
