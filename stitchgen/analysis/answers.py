"""The observer's answers as frozen records: the border beyond which nobody sees its JSON."""

from __future__ import annotations

from collections.abc import Sequence

from stitchgen.analysis import layer_facts as facts
from stitchgen.analysis.backend import (
    BrokenCheck,
    Evaluation,
    KeyChanges,
    LeftOut,
    NewModule,
    NotComparable,
    OtherArguments,
    Passages,
    ProvenConfiguration,
    ProvenEdit,
    TriedImport,
)
from stitchgen.analysis.survey import Configuration, Survey
from stitchgen.observer import protocol


def survey_of(answer: protocol.SurveyAnswer) -> Survey:
    """The configurations that were built and run, and the failures of the others."""
    good = [build for build in answer["builds"] if build["ok"]]
    bad = [build for build in answer["builds"] if not build["ok"]]
    classes = {
        key: facts.ClassFacts(
            name=about["name"],
            file=about["file"],
            bases=tuple(about["bases"]),
            forward_file=about["forward_file"],
        )
        for key, about in answer["classes"].items()
        if about is not None
    }
    return Survey(
        [configuration_of(build) for build in good],
        classes,
        {build["expression"]: failure_of(build["error"]) for build in bad},
        notes=tuple(answer["notes"]),
    )


def configuration_of(build: protocol.Build) -> Configuration:
    frames = [frame_of(frame) for frame in build["frames"]]
    definitions: dict[str, facts.Registrations] = {"": ()}
    for layer in build["layers"]:
        own = layer["registered"]
        link = None if own is None else tuple(frames[number] for number in own)
        path = layer["path"]
        definitions[path] = (*definitions[path.rpartition(".")[0]], link)
    return Configuration(
        expression=build["expression"],
        class_key=build["class_key"],
        layers={
            layer["path"]: layer_of(layer, definitions[layer["path"]]) for layer in build["layers"]
        },
        parameters=build["parameters"],
        input=build["input"],
    )


def failure_of(error: protocol.Error) -> facts.Failure:
    return facts.Failure(
        code=error["code"],
        message=error["message"],
        where=error.get("where"),
        takes=error.get("takes"),
        guessed=error.get("guessed", ""),
        models=error.get("models", ()),
    )


def layer_of(layer: protocol.Layer, definition: facts.Registrations) -> facts.LayerFacts:
    read = layer["weights_read"]
    return facts.LayerFacts(
        path=layer["path"],
        class_key=layer["class_key"],
        same_as=layer["same_as"],
        calls=layer["calls"],
        sites=tuple(map(site_of, layer["sites"])),
        definition=definition,
        readers=tuple(layer["readers"]),
        fed=tuple(
            facts.Fed(argument, element, tuple(producers))
            for argument, element, producers in layer.get("arguments", ())
        ),
        weights_read=(
            None if read is None else facts.WeightRead(read["file"], read["line"], read["name"])
        ),
        scripted=layer["scripted"],
        sizes=layer["sizes"],
        attributes={
            name: tuple(value) if isinstance(value, list) else value
            for name, value in layer["attributes"].items()
        },
        output=value_of(layer["output"]) if "output" in layer else facts.NOT_SEEN,
        inputs=tuple(map(value_of, layer.get("inputs", ()))),
        features=tuple(
            facts.CallFeatures(feature_of(call["output"]), feature_of(call["input"]))
            for call in layer.get("features", ())
        ),
        elements={
            key: tuple(map(feature_of, features))
            for key, features in layer.get("elements", {}).items()
        },
        order=layer.get("order"),
        overwrites=layer.get("overwrites", False),
        overwritten=layer.get("overwritten", False),
    )


def site_of(site: protocol.Site) -> facts.CallSite:
    return facts.CallSite(
        how=site["how"],
        file=site.get("file"),
        line=site.get("line"),
        position=position_of(site.get("span")),
        function=site.get("function", ""),
        owner=site.get("owner"),
        owner_class=site.get("owner_class", ""),
        called=site.get("called") or "",
        part=tuple(site.get("part", ())),
        modes=tuple(site["modes"]),
        numbers=tuple(site["numbers"]),
    )


def position_of(span: Sequence[int] | None) -> facts.Position | None:
    if not span:
        return None
    line, column, end_line, end_column = span
    return line, column, end_line, end_column


def frame_of(frame: protocol.Frame) -> facts.Frame:
    return facts.Frame(
        file=frame["file"],
        line=frame["line"],
        function=frame["function"],
        module=frame["self"],
        first_line=frame["first_line"],
    )


def feature_of(feature: protocol.Feature) -> facts.Feature:
    return facts.Feature(
        layout=feature["layout"],
        channels=feature["channels"],
        dims=feature["dims"],
        memory=feature.get("memory", "contiguous"),
        grid=grid_of(feature["grid"]) if "grid" in feature else None,
    )


def grid_of(grid: protocol.GridOfFeature) -> facts.Grid:
    height, width = grid["sizes"]
    names = grid["names"]
    return facts.Grid(
        sizes=(height, width),
        prefix=grid["prefix"],
        varies=grid["varies"],
        names=None if names is None else (names[0], names[1]),
    )


def value_of(value: protocol.Value) -> facts.Value:
    if not value:
        return facts.NOT_SEEN  # a call without positional arguments
    if "shape" in value:
        return facts.Value("Tensor", shape=tuple(value["shape"]))
    if "items" in value:
        return facts.Value(value["type"], items=tuple(map(value_of, value["items"])))
    if "keys" in value:
        keys = {key: value_of(part) for key, part in value["keys"].items()}
        return facts.Value(value["type"], keys=keys, literals=tuple(value["literals"]))
    return facts.Value(value["type"])


def evaluation_of(answer: protocol.EvaluateAnswer) -> Evaluation:
    return Evaluation(
        [
            passages_of(build["passages"]) if build["ok"] else failure_of(build["error"])
            for build in answer["builds"]
        ],
        [
            OtherArguments(
                trial=trial["number"],
                argument=trial["argument"],
                passages=passages_of(trial["passages"]),
                outputs={
                    path: [*map(value_of, shapes["output"])]
                    for path, shapes in trial["shapes"].items()
                },
                inputs={
                    path: [*map(value_of, shapes["input"])]
                    for path, shapes in trial["shapes"].items()
                },
            )
            for trial in answer["trials"]
        ],
    )


def passages_of(passages: Sequence[protocol.Passage]) -> Passages:
    return {(one["key"], one["owner"]): one["values"] for one in passages}


def proof_of(answer: protocol.ProveAnswer) -> list[ProvenConfiguration | BrokenCheck]:
    return [
        proven_of(build) if build["ok"] else broken_of(build["error"]) for build in answer["builds"]
    ]


def edits_of(answer: protocol.ProveEditAnswer) -> list[ProvenEdit | BrokenCheck | NotComparable]:
    return [edit_of(build) for build in answer["builds"]]


def edit_of(build: protocol.ProvenEdit) -> ProvenEdit | BrokenCheck | NotComparable:
    if not build["ok"]:
        error = build["error"]
        return NotComparable(failure_of(error)) if build["before"] else broken_of(error)
    keys = build["keys"]
    proven = ProvenConfiguration(
        params_added=build["params_added"],
        macs_added=build["macs_added"],
        input=build["input"],
        notes=tuple(build["notes"]),
        unshown=tuple(build["unshown"]),
        keys=KeyChanges(keys["added"], keys["lost"], keys["reshaped"]),
    )
    return ProvenEdit(proven, tuple(NewModule(**one) for one in build["modules"]))


def imports_of(answer: protocol.ImportAnswer) -> list[TriedImport]:
    return [
        TriedImport(
            before=failure_of(way["before"]) if way["before"] else None,
            after=failure_of(way["after"]) if way["after"] else None,
        )
        for way in answer["ways"]
    ]


def proven_of(build: protocol.ProvenBuild) -> ProvenConfiguration:
    keys = build["keys"]
    return ProvenConfiguration(
        params_added=build["params_added"],
        macs_added=build["macs_added"],
        input=build["input"],
        notes=tuple(build["notes"]),
        unshown=tuple(build["unshown"]),
        keys=KeyChanges(keys["added"], keys["lost"], keys["reshaped"]),
        left_out=tuple(LeftOut(**one) for one in build["left_out"]),
        called=tuple(build["called"]),
        uncalled=tuple(build["uncalled"]),
        on_one=failure_of(build["on_one"]) if build["on_one"] else None,
    )


def broken_of(error: protocol.Error) -> BrokenCheck:
    return BrokenCheck(
        code=error["code"],
        message=error["message"],
        where=error.get("where"),
        check=error.get("check"),
        mode=error.get("mode"),
        method=error.get("method"),
        not_tried=error["code"] == protocol.NOT_TRIED,
    )
