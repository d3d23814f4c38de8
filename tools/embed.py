#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the built web UI (a directory) into one C file: an array of struct http_asset.

usage: embed.py DIST OUT.c DEPFILE

When DIST is missing, one page is embedded that says how to build the UI. Bytes are written as
string literals, which compile far faster than number lists.
"""
import gzip
import hashlib
import os
import re
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json",
    ".woff2": "font/woff2", ".woff": "font/woff", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
    ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}
MISSING = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Seawall</title>
<h1>The web UI is not built</h1>
<p>Run <code>make web</code> and build again. The API is at <code>/api/v1</code>, its description at
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>
"""
# A name that ends in a content hash never changes its content.
HASHED = re.compile(r"[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")


def files_of(dist):
    found = []
    for folder, _, names in os.walk(dist):
        for name in names:
            full = os.path.join(folder, name)
            found.append(("/" + os.path.relpath(full, dist).replace(os.sep, "/"), full))
    return sorted(found)


def literal(data):
    out = []
    for at in range(0, len(data), 64):
        out.append('\t"' + "".join("\\%03o" % b for b in data[at:at + 64]) + '"')
    return "\n".join(out) or '\t""'


def write_changed(path, text):
    """Leaves an equal file alone, so that nothing is compiled anew because of it."""
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            if f.read() == text:
                return
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def main():
    dist, out_path, dep_path = sys.argv[1:4]
    assets, sources = [], []
    for path, full in files_of(dist) if os.path.isfile(os.path.join(dist, "index.html")) else []:
        with open(full, "rb") as f:
            assets.append((path, f.read()))
        sources.append(full)
    if not assets:
        assets = [("/index.html", MISSING)]
    body, rows = [], []
    for i, (path, data) in enumerate(assets):
        packed = gzip.compress(data, 9, mtime=0)
        small = len(packed) < len(data) * 9 // 10
        kind = TYPES.get(os.path.splitext(path)[1], "application/octet-stream")
        immutable = path.startswith("/assets/") and bool(HASHED.search(path))
        etag = '"\\"%s\\""' % hashlib.sha256(data).hexdigest()[:24]
        body.append("static const char data_%d[] =\n%s;" % (i, literal(data)))
        if small:
            body.append("static const char gzip_%d[] =\n%s;" % (i, literal(packed)))
        rows.append('\t{"%s", "%s", %s, %s, (const uint8_t *)data_%d, %d, %s, %d},' % (
            path, kind, etag, "true" if immutable else "false", i, len(data),
            "(const uint8_t *)gzip_%d" % i if small else "NULL", len(packed) if small else 0))
    write_changed(out_path, "/* Made by tools/embed.py. */\n#include \"console/console.h\"\n\n" + "\n".join(body)
                  + "\n\nconst struct http_asset web_assets[] = {\n%s\n};\n" % "\n".join(rows)
                  + "const size_t web_asset_count = sizeof(web_assets) / sizeof(web_assets[0]);\n")
    with open(dep_path, "w", encoding="utf-8") as f:
        f.write("%s: %s\n" % (out_path, " ".join(s.replace(" ", "\\ ") for s in sources)))


if __name__ == "__main__":
    main()
