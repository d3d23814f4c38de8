# SPDX-License-Identifier: Apache-2.0
"""What the benches share: paired measurement, percentiles, figures with their goals, the stage."""
import dataclasses
import os
import pathlib
import statistics
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "tests/e2e")]

POLICY = """version: 1
collections:
  - {{name: everything}}
runtime:
  - name: stop miners
    scope: [everything]
    processes:
      crypto_miners: {effect}
    network:
      denied: {{effect: prevent, addresses: [203.0.113.64/26], ports: [2375, "3333-3340"]}}
"""


@dataclasses.dataclass
class Figure:
    """One measured value, beside what it should be. `most` None: no goal, told for itself."""
    name: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""

    def verdict(self):
        return "" if self.most is None else "met" if self.value <= self.most else "MISSED"


def table(figures):
    """The figures as a Markdown table, which reads well as plain text too."""
    rows = [("figure", "value", "goal", "", "note")]
    for f in figures:
        number = f"{f.value:.3f}" if f.unit == "ratio" else f"{f.value:,.2f}".rstrip("0").rstrip(".")
        unit = "" if f.unit == "ratio" else f" {f.unit}"
        rows.append((f.name, number + unit, "" if f.most is None else f"<= {f.most:g}{unit}", f.verdict(), f.note))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def medians(pairs, which):
    """{name: median of with/without} of [(without, with)], each a {name: (wall, core)}; which of the two."""
    return {name: statistics.median(b[name][which] / a[name][which] for a, b in pairs) for name in pairs[0][0]}


def percentile(values, share):
    """The smallest value that at least that share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def tell(text):
    print(text, file=sys.stderr, flush=True)


def cpu_seconds(pid):
    """User and system time of a process, its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    """Resident megabytes of a process."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0
