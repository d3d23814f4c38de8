#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The budgets of CONTRIBUTING.md that a program can check: length of functions and files, number of
parameters, SPDX lines, no spaces for tabs. Hard limits fail; soft ones are counted.

    tools/lint.py [-v]     -v lists what is above the soft limits
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FUNCTION_SOFT, FUNCTION_HARD = 60, 100
FILE_SOFT, FILE_HARD = 500, 1000
PARAMETERS = 5
BANNED_WORD = re.compile(r"\b(?:XXX|FIXME)\b")

# A definition of the kernel's layout: starts in the first column, ends with a line that is "}".
START = re.compile(r"^[A-Za-z_][\w\s\*]*?\b(\w+)\(([^;]*)$")
TABLE = re.compile(r"=\s*\{|\bstruct\b[^()]*\{$|\benum\b[^()]*\{$")


def sources():
    """The C files that are ours, by git's list."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"],
                            cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split()]


def strip(text):
    """The text with comments and literals blanked, line by line as before."""
    def blank(match):
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found) if found.startswith("/") else found[0] + "_" * (len(found) - 2) + found[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.DOTALL)


def functions(lines):
    """(name, first line, last line, parameters) of each function, lines from 0."""
    start, body, head = None, None, ""
    for number, line in enumerate(lines):
        if start is None and not line.startswith("typedef") and line[:1] not in ("", " ", "\t", "#", "}", "{") and START.match(line) and not TABLE.search(line):
            start, body, head = number, None, line
        elif start is not None and line.startswith("{"):
            body = number
        elif start is not None and line.startswith("}"):
            if body is not None:
                name = START.match(head).group(1)
                signature = " ".join(lines[start:body])
                inside = signature[signature.index("(") + 1:signature.rindex(")")] if ")" in signature else ""
                yield name, start, number, parameters(inside)
            start, body = None, None
        elif start is not None and line.rstrip().endswith(";") and not line.startswith("\t"):
            start = None


def parameters(inside):
    """How many there are at the top level of the brackets."""
    depth, count = 0, 1
    for char in inside:
        depth += char in "([{"
        depth -= char in ")]}"
        count += char == "," and depth == 0
    return 0 if inside.strip() in ("", "void") else count


class Findings:
    def __init__(self):
        self.hard, self.soft = [], []

    def limit(self, where, what, value, soft, hard):
        if value > hard:
            self.hard.append(f"{where}: {what}: {value}, at most {hard}")
        elif value > soft:
            self.soft.append(f"{where}: {what}: {value}, better {soft}")


def check(path, findings):
    name = str(path.relative_to(ROOT))
    text = path.read_text(encoding="utf-8")
    lines = strip(text).split("\n")
    findings.limit(name, "lines", len(lines), FILE_SOFT, FILE_HARD)
    if "SPDX-License-Identifier" not in text[:200]:
        findings.hard.append(f"{name}:1: no SPDX line")
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("        ") or line != line.rstrip():
            findings.hard.append(f"{name}:{number}: spaces where a tab belongs, or at the end of the line")
        if BANNED_WORD.search(line):
            findings.hard.append(f"{name}:{number}: a note to oneself")
    if path.suffix != ".c":
        return
    for function, first, last, count in functions(lines):
        where = f"{name}:{first + 1}: {function}()"
        findings.limit(where, "lines", last - first + 1, FUNCTION_SOFT, FUNCTION_HARD)
        findings.limit(where, "parameters", count, PARAMETERS, PARAMETERS + 3)


def main():
    findings = Findings()
    files = sources()
    for path in files:
        check(path, findings)
    for line in findings.hard + (findings.soft if "-v" in sys.argv else []):
        print(line)
    print(f"lint: {len(files)} files, {len(findings.hard)} errors, {len(findings.soft)} above the soft limits (-v lists them)")
    return 1 if findings.hard else 0


if __name__ == "__main__":
    sys.exit(main())
