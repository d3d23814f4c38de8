#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benches and prints their figures beside the goals.

    bench/run.py [BUILD] [--share 0.05] [--pairs 3] [--only storms|latency|gates] [--write]

Needs root and an engine. --share takes a part of the load, --pairs fewer pairs: quick, and the figures say
less. --write keeps the table as bench/results-DATE.md.
"""
import argparse
import datetime
import os
import platform
import sys

from figures import SOURCE, table


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", nargs="?", default=str(SOURCE / "build"))
    parser.add_argument("--share", type=float, default=1.0, help="part of the load, 1 = all")
    parser.add_argument("--pairs", type=int, default=7, help="pairs of runs of each storm")
    parser.add_argument("--only", choices=("storms", "latency", "gates"))
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse()
    os.environ["SEAWALL_BUILD"] = arguments.build
    if os.geteuid() != 0:
        print("bench: needs root", file=sys.stderr)
        return 2
    # Only now: they look at SEAWALL_BUILD when they are imported.
    import engines, gates, latency, storms  # noqa: E401  pylint: disable=import-outside-toplevel,multiple-imports
    figures = []
    try:
        for name, module in (("storms", storms), ("latency", latency), ("gates", gates)):
            if arguments.only in (None, name):
                figures += module.measure(arguments.share, arguments.pairs)
    except engines.Missing as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2
    finally:
        engines.stop_all()
    text = table(figures)
    print(text)
    if arguments.write:
        day = datetime.date.today().isoformat()
        machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} cores"
        path = SOURCE / f"bench/results-{day}.md"
        path.write_text(f"# Figures of {day}\n\n{machine}\n\n{text}\n", encoding="utf-8")
        print(f"written: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
