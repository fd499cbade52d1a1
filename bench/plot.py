#!/usr/bin/python3
"""Draws the README's picture of start times, light and dark, and its table of tools, from what script/bench measured.

  bench/plot.py RESULTS.json       keeps the figures in bench/measured.json and makes docs/pictures/start-*.svg and the table
  bench/plot.py --check            fails where one of them does not belong to the figures, and writes nothing
"""

from __future__ import annotations

import html
import json
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
KEPT = SOURCE / "bench/measured.json"
PICTURES = SOURCE / "docs/pictures"
README = SOURCE / "README.md"
BEGIN, END = "<!-- tools: made by bench/plot.py -->\n", "<!-- end of tools -->\n"
COLUMNS = {"read ~/.ssh/id_ed25519": "`~/.ssh` readable", "see a token in the environment": "env secrets visible",
           "TCP to a public address": "internet", "TCP to the local network": "local network",
           "TCP to the host's 127.0.0.1": "host's loopback", "write .git/hooks/post-commit": "`.git/hooks` writable",
           "the command outlives kill -9 of the tool": "outlives its kill -9"}
# Background, text, lines, claudebox, the others.
THEMES = {"light": ("#ffffff", "#1f2328", "#d1d9e0", "#0969da", "#8c959f"), "dark": ("#0d1117", "#e6edf3", "#3d444d", "#58a6ff", "#6e7681")}
WIDE, LEFT, RIGHT, TOP, ROW, BAR = 800, 230, 70, 50, 26, 16


def caption(results: dict) -> list[str]:
    machine, peers = results["machine"], results["peers"]
    spread = next(iter(peers["start_ms"].values()))
    programs = ", ".join(f"{name} {number}" for name, number in peers["versions"].items())
    busy = max(machine["load"], results["load_after"]) > 2 * machine["processors"]
    load = f"load {machine['load']:.1f} to {results['load_after']:.1f}{': busy with other work as well' if busy else ''}"
    return [f"medians of {spread['count']} rounds in one interleaved run, {machine['date'][:10]}; thin lines from 10 % to 90 %, as far as they fit",
            f"{machine['cpu']}, {machine['processors']} processors, Linux {machine['kernel']}, {machine['system']}",
            programs, load]


def draw(results: dict, theme: str) -> str:
    background, ink, line, ours, theirs = THEMES[theme]
    rows = sorted(results["peers"]["start_ms"].items(), key=lambda each: each[1]["median"])
    longest = max(one["median"] for _, one in rows) * 1.25  # what one slow start took must not flatten the rest
    high = TOP + ROW * len(rows) + 106
    scale = (WIDE - LEFT - RIGHT) / longest
    out = [f'<svg viewBox="0 0 {WIDE} {high}" xmlns="http://www.w3.org/2000/svg" role="img">',
           "<!-- made by bench/plot.py from bench/measured.json -->", "<title>Start to exit of true, milliseconds</title>",
           f'<rect width="{WIDE}" height="{high}" rx="8" fill="{background}"/>',
           f'<g font-family="system-ui, sans-serif" font-size="13" fill="{ink}">',
           '<text x="16" y="28" font-size="15" font-weight="600">Start to exit of true, milliseconds</text>']
    for number, (name, one) in enumerate(rows):
        y = TOP + ROW * number
        colour = ours if name.startswith("claudebox") else theirs
        middle = y + BAR / 2
        low, top = (LEFT + min(one[key], longest) * scale for key in ("p10", "p90"))
        out += [f'<text x="{LEFT - 10}" y="{middle + 4.5:.1f}" text-anchor="end">{html.escape(name, quote=False)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{max(1, one["median"] * scale):.1f}" height="{BAR}" fill="{colour}"/>',
                f'<path d="M{low:.1f} {middle}H{top:.1f}" stroke="{ink}" stroke-width="1.5"/>',
                f'<text x="{max(top, LEFT) + 8:.1f}" y="{middle + 4.5:.1f}">{one["median"]:.1f}</text>']
    bottom = TOP + ROW * len(rows)
    out.append(f'<path d="M{LEFT} {TOP - 6}V{bottom}" stroke="{line}"/>')
    out += [f'<text x="16" y="{bottom + 24 + 18 * number}" font-size="11">{html.escape(text, quote=False)}</text>'
            for number, text in enumerate(caption(results))]
    return "\n".join([*out, "</g>", "</svg>", ""])


def table(results: dict) -> str:
    peers = results["peers"]
    lines = [f"| | start | memory beside the command | {' | '.join(COLUMNS.values())} |", "| --- " * (len(COLUMNS) + 3) + "|"]
    for name, one in sorted(peers["start_ms"].items(), key=lambda each: each[1]["median"]):
        if isinstance(rows := peers["leaks"].get(name), dict) and name in peers["memory_pss_mb"]:
            ratio = one["median"] / peers["start_ms"]["bwrap"]["median"]
            words = ({True: "yes", False: "no", None: "?"}[rows.get(row)] for row in COLUMNS)
            lines.append(f"| {name} | {one['median']:.1f} ms, {ratio:.1f} x bwrap | {peers['memory_pss_mb'][name]['all']:.1f} MB "
                         f"| {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def readme(results: dict) -> str:
    """README.md as it should be."""
    head, rest = README.read_text().split(BEGIN)
    return head + BEGIN + table(results) + END + rest.split(END)[1]


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    check = sys.argv[1] == "--check"
    results = json.loads((KEPT if check else pathlib.Path(sys.argv[1])).read_text())
    made = {PICTURES / f"start-{theme}.svg": draw(results, theme) for theme in THEMES} | {README: readme(results)}
    for path, text in made.items():
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"plot: {path} shows something else than {KEPT}\nhint: bench/plot.py {KEPT}")
    if not check:
        KEPT.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


main()
