"""What a person reads: the JSON object of a command as text.

Pure: a dict in, a text out, without a final newline. Colour
is the caller's: `paint(text, role)`, with the roles error, warning, good, name and faint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

Paint = Callable[[str, str], str]

NOT_PROVEN = "not-proven"
#: So many splices that differ in their layer alone, and warnings of one kind, are shown one by one.
MOST_ALIKE = 3
MOST_WARNINGS = 5
UNVERIFIED = "unverified: there is nothing to compare it with"


def plain(text: str, role: str) -> str:
    """The paint of a pipe: none."""
    return text


def text(result: Mapping[str, Any], paint: Paint = plain) -> str:
    """The report of any command, on success and on failure."""
    if "error" in result:
        return _error(result["error"], paint)
    return _REPORTS[result["command"]](result, paint)


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
    lines += [f"  {key}: {_inline(value)}" for key, value in report.items()]
    return "\n".join(lines)


def _inline(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


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
    lines += _paragraph(result["summary"], "")
    facts = [
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
            first, *rest = _paragraph(value, " " * 12)
            lines += [*[""] * (name == "fits"), f"  {name:<10}{first[12:]}", *rest]
    if len(result["takes"]) > 1 or result["variadic"]:
        lines += ["", paint("inputs", "faint")]
        for one in result["takes"]:
            channels = one["channels"] or "any number of"
            lines.append(f"  {one['name']:<16}{channels} channels, {one['scale']} of the size")
    lines += ["", paint("arguments", "faint")]
    for one in result["parameters"]:
        default = "" if one["default"] is None else f" = {one['default']}"
        lines.append(f"  {paint(one['name'], 'name')}: {one['type']}{default}")
        lines += _paragraph(one["meaning"], " " * 6)
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


def _paragraph(text: str, indent: str) -> list[str]:
    """Wrapped between words, so that addresses can be clicked on."""
    return wrap(
        text,
        96,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _new_module(result: Mapping[str, Any], paint: Paint) -> str:
    lines = _files(result, paint)
    for file in result["files"]:
        module = file["path"].removesuffix(".py").replace("/", ".")
        lines.append(_fact("import", f"from {module} import {result['class']}"))
    return "\n".join([*lines, *_last_words(result)])


def _at_scales(widths: Mapping[str, int | None]) -> str:
    """`256/512/576 at n/s/m`; one number where all are equal."""
    shown = ["?" if width is None else str(width) for width in widths.values()]
    return shown[0] if len(set(shown)) == 1 else f"{'/'.join(shown)} at {'/'.join(widths)}"


def _layers(result: Mapping[str, Any], paint: Paint) -> str:
    if "scales" in result:
        return _rows(result, paint)
    rows = [("layer", "class", "channels", "layout", "calls", "evidence", "read by")]
    for layer in result["layers"]:
        channels, calls = layer.get("channels"), layer.get("calls")
        rows.append(
            (
                layer["path"],
                layer["class"],
                "?" if channels is None else str(channels),
                layer.get("layout") or "?",
                "?" if calls is None else str(calls),
                layer["evidence"],
                _names(layer.get("readers", [])),
            )
        )
    lines = _table(rows, paint)
    built = result.get("build")
    head = f"{result['model']}, {'built by ' + built if built else 'read and not built'}"
    if result["layers"]:
        lines.append(f"as a target: {result['model']}.{result['layers'][-1]['path']}")
    return "\n".join([paint(head, "name"), *lines, *_warnings(result, paint)])


def _table(rows: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    """Columns under a faint head, the first of them with the names."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        line = "  ".join(cells).rstrip()
        if number == 0:
            lines.append(paint(line, "faint"))
        else:
            lines.append(paint(cells[0], "name") + line[len(cells[0]) :])
    return lines


def _rows(result: Mapping[str, Any], paint: Paint) -> str:
    """The rows of a model's YAML."""
    scales = result["scales"]
    rows = [("layer", "from", "module", "arguments", "channels", "stride", "read by")]
    for layer in result["layers"]:
        widths = layer["channels_at"]
        stride = layer["stride"]
        rows.append(
            (
                layer["path"],
                _inline(layer["from"]).replace(" ", ","),
                layer["class"] + (f" x{layer['repeats']}" if layer["repeats"] > 1 else ""),
                layer["arguments"],
                "/".join("?" if widths[one] is None else str(widths[one]) for one in widths),
                "?" if stride is None else f"{stride:g}",
                " ".join(layer["readers"]).replace("model.", ""),
            )
        )
    head = f"{result['model']}, read and not built"
    if len(scales) > 1:
        head += f"; channels at {'/'.join(scales)}"
    target = f"as a target: {result['model']}::{result['layers'][-2]['path']}"
    return "\n".join([paint(head, "name"), *_table(rows, paint), target, *_warnings(result, paint)])


def _add(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for alike in _alike(result["splices"]):
        lines += _splice(alike[0], result.get("block"), paint, alike)
    lines += _files(result, paint)
    if result["files"]:
        lines += _proof(result, paint)
    if weights := result.get("weights"):
        arriving = (
            f"{weights['arriving']} of {weights['tensors']} tensors of {weights['checkpoint']}"
        )
        lines.append(
            _fact("weights", f"{weights['path']}: {arriving} ({weights['without']} without it)")
        )
    return "\n".join([*lines, *_warnings(result, paint), *_last_words(result)])


def _alike(splices: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Those that differ in their layer alone are shown together, where a pattern means many."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for splice in splices:
        key = {name: splice.get(name) for name in ("attribute", "strategy", "channels", "already")}
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
    target, attribute = paint(splice["target"], "name"), paint(splice["attribute"], "name")
    if len(alike) > 1:
        splice = {**splice, "readers": []}
        target = f"{len(alike)} layers, {target} to {paint(alike[-1]['target'], 'name')}"
    # A row of a YAML file has a number, and no attribute of its own.
    named = attribute if splice["strategy"] == "row" else f"self.{attribute}"
    if splice.get("already"):
        return [f"{block} {splice['placement']} {target}: {named} is there already"]
    # Where features are fused there may be no block.
    what = block or "fusion"
    lines = [f"{what} {splice['placement']} {target}: {named} ({splice['strategy']})"]
    channels = splice.get("channels") or {}
    if channels.get("expression"):
        known = channels["expression"]
        if channels.get("scales"):
            known += " = " + _at_scales(channels["scales"])
        elif channels.get("value") is not None and str(channels["value"]) != known:
            known += f" = {channels['value']}"
        lines.append(_fact("channels", f"{known} ({channels['evidence']})"))
        if channels.get("reason"):
            lines.append(_fact("", channels["reason"]))
    if splice.get("where"):
        lines.append(_fact("at", _names(splice["where"])))
    if splice.get("readers"):
        lines.append(_fact("read by", _names(splice["readers"])))
    return lines


def _files(result: Mapping[str, Any], paint: Paint) -> list[str]:
    return [_fact(file["action"], paint(file["path"], "name")) for file in result["files"]]


def _proof(result: Mapping[str, Any], paint: Paint) -> list[str]:
    proof = result.get("proof")
    if not proof:
        lines = [
            _fact("not proven", "the edited model was not run", paint("not proven", "warning"))
        ]
        return lines + [_fact("", text) for text in _not_proven(result)]
    lines = [
        _fact("proven", _names(proof["laws"]), paint("proven", "good")),
        _fact("build", _names(proof["build"])),
    ]
    if proof.get("built"):
        lines.append(_fact("built", _names(proof["built"])))
    if proof.get("builder"):
        version = f", Ultralytics {proof['version']}" if proof["version"] else ""
        lines.append(_fact("builder", proof["builder"] + version))
    if proof.get("not_proven"):
        lines.append(_fact("not proven", _names(proof["not_proven"])))
    if proof.get("unchanged"):
        lines.append(_fact("unchanged", _names(proof["unchanged"])))
    if proof.get("imports"):
        importers = dict.fromkeys(one["from"] for one in proof["imports"])
        lines.append(_fact("imports", ", ".join(importers)))
    if proof.get("input"):
        lines.append(_fact("input", _inline(proof["input"])))
    lines.append(
        _fact("adds", f"{proof['params_added']:,} parameters, {proof['macs_added']:,} MACs")
    )
    lines += [_fact("note", note) for note in proof.get("notes", [])]
    keys = result.get("keys", {})
    parts = [f"{len(keys.get('added', []))} new"]
    parts += [f"{name}: {_names(keys[name])}" for name in ("lost", "reshaped") if keys.get(name)]
    moved = " at their layers' new numbers" if "built" in proof else ""
    kept = "" if len(parts) > 1 else f"; all old ones kept with their shapes{moved}"
    lines.append(_fact("keys", ", ".join(parts) + kept))
    return lines


def _demo(result: Mapping[str, Any], paint: Paint) -> str:
    roles = {"+": "good", "-": "error", "@": "faint"}
    diff = [
        paint(line, roles[line[0]]) if line[:1] in roles else line
        for line in result["diff"].splitlines()
    ]
    place = f"cd {result['folder']}"
    lines = (
        [f"a sample project: {paint(result['folder'], 'name')}"] if not result["dry_run"] else []
    )
    lines += [f"$ {place}", f"$ {result['typed']}", "", *diff, ""]
    for splice in result["splices"]:
        lines += _splice(splice, result["block"], paint)
    lines += _files(result, paint) + _proof(result, paint) + _warnings(result, paint)
    if result["dry_run"]:
        return "\n".join([*lines, *_last_words(result)])
    return "\n".join(
        [*lines, "", f"now: {place}, read model.py, and `stitchgen undo` takes it back"]
    )


def _not_proven(result: Mapping[str, Any]) -> list[str]:
    """Why, and what to do about it, as the warnings have it."""
    about = [one for one in result["warnings"] if one["code"] == NOT_PROVEN]
    return [text for one in about for text in (one["message"], one.get("hint")) if text]


def _undo(result: Mapping[str, Any], paint: Paint) -> str:
    lines = [f"taken back: {paint(result['undone'], 'name')}", *_files(result, paint)]
    return "\n".join([*lines, *_warnings(result, paint), *_last_words(result)])


def _check(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for fault in result["drift"]:
        lines += [
            f"{paint('drift', 'error')} {paint(fault['where'], 'name')}: {fault['message']}",
            f"  hint: {fault['hint']}",
        ]
    lines += [f"{paint('note', 'faint')} {note['message']}" for note in result["notes"]]
    splices, files = result["splices"], len(result["files"])
    counts = f"{_count(splices, 'splice')} in {_count(files, 'file')}"
    return "\n".join([*lines, f"{counts}: {'as recorded' if result['ok'] else 'not as recorded'}"])


def _weights(result: Mapping[str, Any], paint: Paint) -> str:
    [file] = result["files"]
    arriving = f"{result['arriving']} of {result['tensors']} tensors"
    lines = [
        f"{paint(file['path'], 'name')}: {result['checkpoint']} for {result['yaml']}",
        _fact("arrive", f"{arriving}; {result['without']} would without it"),
    ]
    if result["rows"]:
        lines.append(_fact("new rows", f"{_names(result['rows'])}: Identity in this file"))
    lines.append(
        _fact("load", f"YOLO(...).load({file['path']!r}), or train pretrained={file['path']}")
    )
    return "\n".join([*lines, *_warnings(result, paint)])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _warnings(result: Mapping[str, Any], paint: Paint) -> list[str]:
    lines = []
    shown: Counter[str] = Counter()
    for warning in result.get("warnings", []):
        if warning["code"] == NOT_PROVEN:
            continue  # said in place of the proof
        shown[warning["code"]] += 1
        if shown[warning["code"]] > MOST_WARNINGS:
            continue
        where = f"{paint(warning['where'], 'name')}: " if warning.get("where") else ""
        lines.append(f"{paint('warning', 'warning')} {where}{warning['message']}")
        if warning.get("hint"):
            lines.append(f"  hint: {warning['hint']}")
    for code, count in shown.items():
        if count > MOST_WARNINGS:
            more = f"{count - MOST_WARNINGS} more of {code}: --json lists them"
            lines.append(f"{paint('warning', 'warning')} {more}")
    return lines


def _last_words(result: Mapping[str, Any]) -> list[str]:
    if "patch" in result:
        return [f"nothing was written; the patch is for `git apply` in {result['patch_folder']}"]
    if result.get("dry_run"):
        return ["nothing was written (dry run)"]
    if not result["files"]:
        return ["nothing to do"]
    return [] if result["command"] in ("undo", "new-module") else ["stitchgen undo takes it back"]


def _fact(name: str, text: str, painted: str | None = None) -> str:
    return f"  {painted or name}{' ' * (12 - len(name))}{text}"


def _names(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)


_REPORTS: dict[str, Callable[[Mapping[str, Any], Paint], str]] = {
    "help": _help,
    "list": _list,
    "show": _show,
    "new-module": _new_module,
    "layers": _layers,
    "add": _add,
    "fuse": _add,
    "demo": _demo,
    "undo": _undo,
    "check": _check,
    "weights": _weights,
}
