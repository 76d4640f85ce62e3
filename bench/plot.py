# SPDX-License-Identifier: Apache-2.0
"""docs/performance.svg: capacity next to nginx as bars, CPU per request over the number of clients as lines. Colours that
can be told apart by eyes that see few of them, on a light and on a dark page."""
import math

from report import NAMES, Runs

COLOURS = {"nginx": "#8a8f98", "njs": "#3f8f5b", "haproxy": "#e69f00", "envoy": "#cc79a7", "peer": "#b5651d", "ours": "#0a84d6"}
SHORT = {"get-1k-c1": "GET 1K|1", "get-1k-c16": "GET 1K|16", "get-1k-c64": "GET 1K|64", "get-1k-c256": "GET 1K|256",
         "get-1k-c1000": "GET 1K|1,000", "get-64k-c64": "GET 64K|64", "put-4k-c64": "PUT 4K|64",
         "post-4k-c64": "POST 4K|64, hashed", "put-1m-c16": "PUT 1M|16", "put-1m-hashed-c16": "PUT 1M|16, hashed"}
COUNTS = {"get-1k-c1": 1, "get-1k-c16": 16, "get-1k-c64": 64, "get-1k-c256": 256, "get-1k-c1000": 1000}
WIDTH, LEFT, RIGHT = 960, 60, 20
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: 600 }
.grid { stroke: #d0d7de } .base { stroke: #57606a; stroke-dasharray: 5 4 } .small { font-size: 11px }
@media (prefers-color-scheme: dark) { text { fill: #d1d7e0 } .grid { stroke: #3d444d } .base { stroke: #9198a1 } }
"""


def text(x, y, words, anchor="middle", kind=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{words}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def steps(top):
    """Round values from 0 to top, five or so."""
    size = 10 ** math.floor(math.log10(top / 4))
    size = next(size * n for n in (1, 2, 2.5, 5, 10) if top / (size * n) <= 6)
    return [size * n for n in range(int(top / size) + 1)]


def legend(targets, y):
    x, out = LEFT, []
    for target in targets:
        out.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" rx="2" fill="{COLOURS[target]}"/>')
        out.append(text(x + 18, y, NAMES[target], "start"))
        x += 40 + 7 * len(NAMES[target])
    return out


def bars(runs, top, height):
    """Groups of bars, nginx as the dashed line at 1."""
    shown = [t for t in runs.targets if t != "nginx"]
    ratios = {(s, t): runs.ratio(s, t, "nginx") for s in runs.scenarios for t in shown}
    most = max([1.0] + [r.median for r in ratios.values() if r]) * 1.1
    bottom, group = top + height, (WIDTH - LEFT - RIGHT) / len(runs.scenarios)
    out = [text(LEFT, top - 16, "Capacity: requests per second of processor time, nginx without signing = 1", "start", "title")]
    for value in steps(most):
        y = bottom - height * value / most
        out += [line(LEFT, y, WIDTH - RIGHT, y, "grid"), text(LEFT - 8, y + 4, f"{value:g}", "end")]
    for n, scenario in enumerate(runs.scenarios):
        start = LEFT + group * n + group * 0.11
        here = [t for t in shown if ratios[scenario, t]]
        width = group * 0.78 / max(len(here), 4)
        for k, target in enumerate(here):
            ratio = ratios[scenario, target]
            tall, x = height * ratio.median / most, start + width * k
            out.append(f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{width - 2:.1f}" height="{tall:.1f}" rx="1.5" '
                       f'fill="{COLOURS[target]}"><title>{NAMES[target]}: {ratio}</title></rect>')
            out.append(text(x + width / 2 - 1, bottom - tall - 4, f"{ratio.median:.2f}".lstrip("0"), kind="small"))
        for k, words in enumerate(SHORT[scenario].split("|")):
            out.append(text(start + group * 0.39, bottom + 16 + 14 * k, words, kind="small"))
    y = bottom - height / most
    return out + [line(LEFT, y, WIDTH - RIGHT, y, "base")]


def curves(runs, top, height):
    """CPU per request over the number of clients, which grows by factors."""
    counts = [s for s in COUNTS if s in runs.scenarios]
    points = {t: [(COUNTS[s], runs.cpu(s, t)) for s in counts if runs.cpu(s, t)] for t in runs.targets if t not in ("peer", "njs")}
    most = max(v for row in points.values() for _, v in row) * 1.1
    bottom = top + height

    def x_of(count):
        return LEFT + 30 + (WIDTH - LEFT - RIGHT - 60) * math.log(count) / math.log(1000)
    out = [text(LEFT, top - 16, "Processor time per request in µs, GET 1 KiB, by number of clients", "start", "title")]
    for value in steps(most):
        y = bottom - height * value / most
        out += [line(LEFT, y, WIDTH - RIGHT, y, "grid"), text(LEFT - 8, y + 4, f"{value:g}", "end")]
    for scenario in counts:
        out.append(text(x_of(COUNTS[scenario]), bottom + 18, f"{COUNTS[scenario]:,}"))
    for target, row in points.items():
        path = " ".join(f"{x_of(c):.1f},{bottom - height * v / most:.1f}" for c, v in row)
        out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[target]}" stroke-width="2.5"/>')
        out += [f'<circle cx="{x_of(c):.1f}" cy="{bottom - height * v / most:.1f}" r="3.5" fill="{COLOURS[target]}">'
                f'<title>{NAMES[target]}, {c:,} clients: {v:.1f} µs</title></circle>' for c, v in row]
    return out


def svg(results):
    runs = Runs(results["capacity"])
    height = 320 + 60 + 90
    parts = legend(runs.targets, 24) + bars(runs, 76, 240)
    if any(s in runs.scenarios for s in COUNTS):
        parts += curves(runs, 76 + 240 + 96, 220)
        height = 76 + 240 + 96 + 220
    parts.append(text(WIDTH - RIGHT, height + 44, f"{results['machine']}, {results['date']}; medians of {results['rounds']} "
                      "rounds", "end", "small"))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 56}" role="img">'
            f"<title>sigv4-proxy next to other proxies</title><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n")
