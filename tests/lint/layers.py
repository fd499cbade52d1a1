#!/usr/bin/python3
"""The layer rule: what src/ includes is what ARCHITECTURE.md allows, and ARCHITECTURE.md names every file of src/."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
root = root if root.is_dir() else root.parents[2]
document = (root / "ARCHITECTURE.md").read_text()


def table(heading):
    """The rows of the table below a header row: first cell, second cell, as lists of the words in backquotes."""
    block = re.search(rf"^{re.escape(heading)}.*\n\|[ -|]+\n((?:\|.*\n)+)", document, re.MULTILINE).group(1)
    cells = [row.split("|")[1:3] for row in block.splitlines()]
    return {re.findall(r"`([^`]+)`", first)[0]: (second, re.findall(r"`([^`]+)`", second)) for first, second in cells}


layers = table("| layer | may include |")
rooms = {header: files for header, (_, files) in table("| header | only in |").items()}
problems = []
used = set()  # headers that something besides tests includes
undocumented = []

for file in sorted((root / "src").rglob("*.[ch]*")):
    name = file.relative_to(root / "src").as_posix()
    layer = name.split("/")[0] if "/" in name else "cli"  # main.cc calls cli
    test = name.endswith("_test.cc")
    if layer not in layers:
        problems.append(f"{name}: {layer} is not in the table of layers")
        continue
    cell, allowed = layers[layer]
    for number, line in enumerate(file.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not found:
            continue
        header, target = found.group(2), found.group(2).split("/")[0]
        if not test:
            used.add(header)
        if found.group(1) == '"' and target in layers:
            if target != layer and target not in allowed and header not in allowed and "everything" not in cell:
                problems.append(f"{name}:{number}: {layer} may not include {header}")
        for room, files in rooms.items():
            if (header == room or room.endswith("/") and header.startswith(room)) and name not in files and not test:
                problems.append(f"{name}:{number}: <{header}> belongs in {' '.join(files)} only")
    # The table of files says "| `plan/env` |" for plan/env.h and plan/env.cc.
    if not test and layer != "cli" and f"`{name.rsplit('.', 1)[0]}`" not in document and f"`{name}`" not in document:
        undocumented.append(name)

for name in undocumented:
    if name.endswith(".cc") or name in used:
        problems.append(f"{name}: ARCHITECTURE.md does not say what it is")

print("\n".join(problems) or "every include is as ARCHITECTURE.md says")
sys.exit(1 if problems else 0)
