#!/usr/bin/python3
"""Every test and selftest row that docs/threat-model.md names is there, so that no promise rests on a test that is gone."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
claims = "".join(file.read_text() for file in (root / "src/selftest").glob("claims*.cc"))
problems = []
promises = 0

for number, line in enumerate((root / "docs/threat-model.md").read_text().splitlines(), 1):
    cells = line.split("|")
    if len(cells) != 5 or cells[1].strip() in ("promise", "---"):
        continue
    promises += 1
    held_by = cells[3]
    if not re.search(r"unit|e2e|fuzz|rows?", held_by):
        problems.append(f"{number}: no test holds it: {cells[1].strip()}")
    for kind, names in re.findall(r"(unit|e2e|fuzz|rows?) ((?:`[^`]+`(?: \([^)]*\))?(?:, )?)+)", held_by):
        for name, detail in re.findall(r"`([^`]+)`(?: \(([^)]*)\))?", names):
            if kind == "unit":
                file = root / "src" / f"{name}.cc"
                if not file.exists():
                    problems.append(f"{number}: there is no {file.relative_to(root)}")
                    continue
                for test in re.findall(r"\b[A-Z]\w+(?:\.\w+)?", detail if re.fullmatch(r"[\w., ]+", detail) else ""):
                    if not all(word in file.read_text() for word in test.split(".")):
                        problems.append(f"{number}: {name} has no test {test}")
            elif kind == "e2e":
                if not (root / "tests/e2e" / f"{name}.py").exists():
                    problems.append(f"{number}: there is no tests/e2e/{name}.py")
            elif kind == "fuzz":
                if not (root / "tests/fuzz" / f"{name}.cc").exists():
                    problems.append(f"{number}: there is no tests/fuzz/{name}.cc")
            elif f'"{name.rstrip("*")}' not in claims:
                problems.append(f"{number}: the selftest has no row {name}")

print("\n".join(problems) or f"{promises} promises, each with a test that is there")
sys.exit(1 if problems or promises < 10 else 0)
