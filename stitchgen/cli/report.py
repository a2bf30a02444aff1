"""What a person reads: the JSON object of a command as text.

Pure: a dict in, a text out, without a final newline. Colour
is the caller's: `paint(text, role)`, with the roles error, warning, good, name and faint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from stitchgen.cli import report_adopt, report_init, report_sweep
from stitchgen.cli import report_history as history
from stitchgen.cli import report_yaml as yaml
from stitchgen.cli.report_parts import (
    NOT_PROVEN,
    Paint,
    diff_lines,
    fact,
    files,
    folded,
    inline,
    last_words,
    names,
    painted,
    paragraph,
    plain,
    table,
    warnings,
)

#: So many splices that differ in their layer alone are shown one by one.
MOST_ALIKE = 3
#: So many old keys that are gone are named.
MOST_KEYS = 12
#: So many readers of a layer, and scripts that import the edited file, are named; `--json` has all.
MOST_NAMED = 6
#: Of a block in a list: `stages_se.0`.
NUMBER = re.compile(r"\.(\d+)$")
NUMBERS = re.compile(r"\.(\d+)(?=\.|$)")
UNVERIFIED = "unverified: there is nothing to compare it with"


def text(result: Mapping[str, Any], paint: Paint = plain, columns: int | None = None) -> str:
    """The report of any command, on success and on failure; folded for a terminal of `columns`."""
    if "error" in result:
        report = _error(result["error"], paint)
        return report if columns is None else folded(report, columns)
    report = _REPORTS[result["command"]](result, paint)
    if columns is not None:
        report = folded(report, columns)
    return "\n".join([*diff_lines(result.get("lines", ""), paint), report])


def _error(error: Mapping[str, Any], paint: Paint) -> str:
    lines = [f"{paint('error', 'error')}[{error['code']}]: {error['message']}"]
    if error.get("where"):
        lines.append(f"  at {paint(error['where'], 'name')}")
    if error.get("hint"):
        lines.append(f"  hint: {error['hint']}")
    suggestions = error.get("suggestions", [])
    if suggestions:
        lines.append("  perhaps:" if len(suggestions) > 1 else "  perhaps")
        if len(suggestions) == 1:
            lines[-1] += f" {paint(suggestions[0], 'name')}"
        else:
            lines += [f"    {paint(suggestion, 'name')}" for suggestion in suggestions]
    report = error.get("report", {})
    lines += [f"  {key}: {inline(value)}" for key, value in report.items()]
    return "\n".join(lines)


def _help(result: Mapping[str, Any], paint: Paint) -> str:
    return str(result["text"])


def _list(result: Mapping[str, Any], paint: Paint) -> str:
    blocks = sorted(result["blocks"], key=lambda block: (block["family"], block["name"]))
    if not blocks:
        return "no block of the catalog is like that; `stitchgen list` prints all"
    width = max(len(block["name"]) for block in blocks)
    lines = []
    for family, members in groupby(blocks, key=lambda block: block["family"]):
        lines += ["", paint(family, "faint")]
        for block in members:
            name = paint(block["name"].ljust(width), "name")
            year = (block.get("paper") or {}).get("year") or "    "
            title = block["title"] + ("" if block.get("verified", True) else " (unverified)")
            lines.append(f"  {name}  {_shapes(block):<8}  {year}  {title}")
    lines += ["", "stitchgen show BLOCK tells more of one"]
    return "\n".join(lines[1:])


def _shapes(block: Mapping[str, Any]) -> str:
    if block["layouts"] == ["NLC"]:
        return "tokens"
    return " ".join(f"{dims}d" for dims in block["dims"])


def _show(result: Mapping[str, Any], paint: Paint) -> str:
    if "source" in result:
        return str(result["source"]).rstrip("\n")
    paper = result["paper"]
    cited = f"{paper['title']} ({paper.get('authors', '')}, {paper.get('year', '')})"
    lines = [f"{paint(result['name'], 'name')}  {result['title']}  {result['title_zh']}", ""]
    lines += [*paragraph(result["summary"], ""), ""]
    facts = [
        ("formula", result["formula"]),
        ("fits", result["fits"]),
        ("caution", result["caution"]),
        ("paper", cited),
        ("", paper.get("address")),
        ("code", result["code"] or "none of the authors' is known"),
        ("class", result["class"]),
        ("layouts", f"{', '.join(result['layouts'])} ({_shapes(result)})"),
        ("channels", _channels(result["channels"])),
        ("size", "as large" if result["size"] == "same" else f"n becomes {result['size']}"),
        ("replaces", ", ".join(f"nn.{layer}" for layer in result["replaces"])),
        ("needs", ", ".join(result["needs"])),
        ("exports", ", ".join(result["exports"])),
        ("cost", _cost(result["cost"])),
        ("checked", f"against {result['oracle']}" if result["verified"] else UNVERIFIED),
    ]
    for name, value in facts:
        if value:
            first, *rest = paragraph(value, " " * 12)
            lines += [f"  {name:<10}{first[12:]}", *rest]
    if len(result["takes"]) > 1 or result["variadic"]:
        lines += ["", paint("inputs", "faint")]
        for one in result["takes"]:
            channels = one["channels"] or "any number of"
            lines.append(f"  {one['name']:<16}{channels} channels, {one['scale']} of the size")
    lines += ["", paint("arguments", "faint")]
    for one in result["parameters"]:
        default = "" if one["default"] is None else f" = {one['default']}"
        lines.append(f"  {paint(one['name'], 'name')}: {one['type']}{default}")
        lines += paragraph(one["meaning"], " " * 6)
    return "\n".join([*lines, "", f"$ {result['example']}"])


def _channels(change: str) -> str:
    if change == "same":
        return "as many come out as go in"
    if change == "in-out":
        return "in_channels go in, out_channels come out"
    return f"{change} come out"


def _cost(cost: Mapping[str, Any]) -> str:
    if "parameters" not in cost:
        return ""
    text = f"{cost['parameters']:,} parameters"
    if "flops" in cost:
        text += f", {cost['flops']:,} FLOPs"
    return f"{text} for {cost['at']}"


def _new_module(result: Mapping[str, Any], paint: Paint) -> str:
    lines = files(result, paint)
    for file in result["files"]:
        module = file["path"].removesuffix(".py").replace("/", ".")
        if not module.endswith("__init__"):
            lines.append(fact("import", f"from {module} import {result['class']}"))
    if "register" in result:
        lines.append("in the configuration, the second in the backbone, a ResNet:")
        lines += [f"  {result['register'][key]}" for key in ("imports", "plugin")]
    return "\n".join([*lines, *last_words(result)])


def _layers(result: Mapping[str, Any], paint: Paint) -> str:
    if "scales" in result:
        return yaml.rows(result, paint)
    rows = [("target", "class", "channels", "layout", "calls", "evidence", "read by")]
    for layer in result["layers"]:
        channels, calls = layer.get("channels"), layer.get("calls")
        rows.append(
            (
                layer.get("target") or f"{layer['path']}, never called",
                layer["class"],
                "?" if channels is None else str(channels),
                layer.get("layout") or "?",
                "?" if calls is None else str(calls),
                layer["evidence"],
                names(layer.get("readers", [])),
            )
        )
    lines = table(rows, paint)
    built = result.get("build")
    head = f"{result['model']}, {'built by ' + built if built else 'read and not built'}"
    if not result["layers"]:
        lines = ["it has no layers, or none that --fits, --depth and --where ask for"]
    return "\n".join([paint(head, "name"), *lines, *warnings(result, paint)])


def _draw(result: Mapping[str, Any], paint: Paint) -> str:
    if not result["files"]:
        return str(result["mermaid"]).rstrip("\n")
    shown = sum(node["kind"] == "layer" for node in result["graphs"][-1]["nodes"])
    lines = [f"{paint(result['model'], 'name')}, built by {result['build']}"]
    lines += [*files(result, paint), fact("shows", f"{shown} stages, fed {result['input']}")]
    return "\n".join([*lines, *warnings(result, paint)])


def _add(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for alike in _alike(result["splices"]):
        lines += _splice(alike[0], alike[0].get("block", result.get("block")), paint, alike)
    lines += files(result, paint)
    if result["files"]:
        lines += _proof(result, paint)
    lines += yaml.arriving(result)
    return "\n".join([*lines, *warnings(result, paint), *last_words(result)])


def _prove(result: Mapping[str, Any], paint: Paint) -> str:
    if not result["proof"]:
        return "nothing has changed"
    lines = []
    by_line: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for one in result["splices"]:
        by_line.setdefault((one["block"], one["placement"], *one["where"]), []).append(one)
    for alike in by_line.values():  # of one line of the source, in each instance of its class
        one = alike[0]
        joined = f"joined by {one['fuse']}" if one.get("fuse") else "found"
        lines += _splice({**one, "strategy": joined}, one["block"], paint, alike)
    if not result["splices"]:
        lines.append("no module is new, and the model does what it did")
    lines += files(result, paint) + _proof(result, paint) + warnings(result, paint)
    return "\n".join(lines)


def _alike(splices: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Those that differ in their layer alone are shown together, where a pattern means many."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for splice in splices:
        key = {name: splice.get(name) for name in ("strategy", "channels", "already")}
        key["attribute"] = NUMBER.sub("", splice["attribute"])
        groups.setdefault(repr(key), []).append(splice)
    return [
        part
        for group in groups.values()
        for part in ([group] if len(group) > MOST_ALIKE else [[one] for one in group])
    ]


def _splice(
    splice: Mapping[str, Any],
    block: str | None,
    paint: Paint,
    alike: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    # One of a list is shown as it is written: `self.stages_se[0]`.
    attribute = NUMBER.sub("" if len(alike) > 1 else r"[\1]", splice["attribute"])
    target, attribute = paint(splice["target"], "name"), paint(attribute, "name")
    if len(alike) > 1:
        splice = {**splice, "readers": []}
        target = f"{len(alike)} layers, {target} to {paint(alike[-1]['target'], 'name')}"
    # A row of a YAML file has a number, and no attribute of its own.
    named = attribute if splice["strategy"] == "row" else f"self.{attribute}"
    if splice.get("element"):
        element = NUMBERS.sub(r"[\1]", splice["element"])
        named = f"self.{paint(element, 'name')}"
    if splice.get("already"):
        return [f"{block} {splice['placement']} {target}: {named} is there already"]
    # Where features are fused there may be no block.
    what = block or "fusion"
    lines = [f"{what} {splice['placement']} {target}: {named} ({splice['strategy']})"]
    channels = splice.get("channels") or {}
    if channels.get("expression"):
        known = channels["expression"]
        if channels.get("scales"):
            known += " = " + yaml.at_scales(channels["scales"])
        elif channels.get("value") is not None and str(channels["value"]) != known:
            known += f" = {channels['value']}"
        lines.append(fact("channels", f"{known} ({channels['evidence']})"))
        if channels.get("reason"):
            lines.append(fact("", channels["reason"]))
    if splice.get("loader"):
        lines.append(fact("old weights", f"load_before(model, state) of {splice['loader']}"))
    if splice.get("where"):
        lines.append(fact("at", names(splice["where"])))
    if splice.get("readers"):
        lines.append(fact("read by", few(splice["readers"])))
    return lines


def few(values: Sequence[str], most: int = MOST_NAMED) -> str:
    further = len(values) - most
    more = f" and {further} more" if further > 0 else ""
    return ", ".join(values[:most]) + more


def _proof(result: Mapping[str, Any], paint: Paint) -> list[str]:
    proof = result.get("proof")
    if not proof:
        lines = [fact("not proven", "the edited model was not run", paint("not proven", "warning"))]
        return lines + [fact("", text) for text in _not_proven(result)]
    lines = [
        fact("proven", names(proof["laws"]), paint("proven", "good")),
        fact("build", names(proof["build"])),
    ]
    if proof.get("variants"):
        own = proof["configurations"] - proof["variants"]
        text = (
            f"{proof['configurations']} configurations ({own} of the project's, {proof['variants']}"
        )
        lines.append(fact("holds in", f"{text} with one argument changed)"))
    if proof.get("built"):
        lines.append(fact("built", names(proof["built"])))
    if proof.get("builder"):
        version = f", Ultralytics {proof['version']}" if proof["version"] else ""
        lines.append(fact("builder", proof["builder"] + version))
    if proof.get("not_proven"):
        lines.append(fact("not proven", names(proof["not_proven"])))
    if proof.get("unchanged"):
        lines.append(fact("unchanged", names(proof["unchanged"])))
    if proof.get("imports"):
        importers = [*dict.fromkeys(one["from"] for one in proof["imports"])]
        lines.append(fact("imports", few(importers)))
    if proof.get("input"):
        lines.append(fact("input", inline(proof["input"])))
    lines.append(
        fact("adds", f"{proof['params_added']:,} parameters, {proof['macs_added']:,} MACs")
    )
    lines += [fact("note", note) for note in proof.get("notes", [])]
    keys = result.get("keys", {})
    parts = [f"{len(keys.get('added', []))} new"]
    for name in ("lost", "reshaped"):
        if keys.get(name):
            parts.append(f"{name}: {few(keys[name], MOST_KEYS)}")
    moved = " at their layers' new numbers" if "built" in proof else ""
    if any(splice.get("loader") for splice in result["splices"]):
        moved = " at their elements' new numbers"
    kept = "" if len(parts) > 1 else f"; all old ones kept with their shapes{moved}"
    lines.append(fact("keys", ", ".join(parts) + kept))
    return lines


def _demo(result: Mapping[str, Any], paint: Paint) -> str:
    diff = painted(result["diff"].splitlines(), paint)
    place = f"cd {result['folder']}"
    lines = (
        [f"a sample project: {paint(result['folder'], 'name')}"] if not result["dry_run"] else []
    )
    lines += [f"$ {place}", f"$ {result['typed']}", "", *diff, ""]
    for splice in result["splices"]:
        lines += _splice(splice, result["block"], paint)
    lines += files(result, paint) + _proof(result, paint) + warnings(result, paint)
    if result["dry_run"]:
        return "\n".join([*lines, *last_words(result)])
    return "\n".join(
        [*lines, "", f"now: {place}, read model.py, and `stitchgen undo` takes it back"]
    )


def _not_proven(result: Mapping[str, Any]) -> list[str]:
    """Why, and what to do about it, as the warnings have it."""
    about = [one for one in result["warnings"] if one["code"] == NOT_PROVEN]
    return [text for one in about for text in (one["message"], one.get("hint")) if text]


_REPORTS: dict[str, Callable[[Mapping[str, Any], Paint], str]] = {
    "help": _help,
    "init": report_init.init,
    "list": _list,
    "show": _show,
    "new-module": _new_module,
    "layers": _layers,
    "draw": _draw,
    "adopt": report_adopt.adopt,
    "add": _add,
    "fuse": _add,
    "prove": _prove,
    "mcp": lambda result, paint: "",
    "demo": _demo,
    "undo": history.undo,
    "remove": history.remove,
    "update": history.update,
    "diff": history.diff,
    "check": history.check,
    "explain": history.explain,
    "status": history.status,
    "sweep": report_sweep.sweep,
    "weights": yaml.weights,
}
