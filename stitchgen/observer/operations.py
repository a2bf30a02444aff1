"""What the observer can be asked: survey the layers, evaluate expressions, prove an edit."""

import base64
import traceback

from stitchgen.observer import expressions, inputs, laws, trace
from stitchgen.observer import survey as layers
from stitchgen.observer.world import World


def perform(request):
    """Answer one request; a failure of the user's model is an answer too."""
    try:
        return dict(OPERATIONS[request["op"]](request), ok=True)
    except layers.Failure as failure:
        return {"ok": False, "error": failure.report}


def world_of(request, overlay):
    """The project with the given files in place of those on disk."""
    return World(
        request["file"],
        request["module"],
        request["paths"],
        request["root"],
        {path: base64.b64decode(data) for path, data in overlay.items()},
        request.get("left_out"),
        request.get("script"),
    )


def load(world):
    try:
        world.load()
    except SystemExit as error:
        raise layers.Failure(
            "does-not-build", "importing the model file calls sys.exit(%s)" % error
        ) from None
    except Exception as error:
        raise layers.failure_of(
            "does-not-build", error, "the model file cannot be imported"
        ) from error


def survey(request):
    with world_of(request, {}) as world:
        load(world)
        return layers.survey(world, request)


def evaluate(request):
    with world_of(request, request["overlay"]) as world:
        load(world)
        return expressions.evaluate(world, request)


def prove(request):
    """Build each configuration as it was and as it would be, and hold the laws against both."""
    original = world_of(request, {})
    edited = world_of(request, request["overlay"])
    check_found(edited)
    builds = []
    for entry in request["builds"]:
        try:
            builds.append(dict(prove_build(original, edited, entry, request), ok=True))
        except layers.Failure as failure:
            builds.append({"ok": False, "error": failure.report})
        except laws.Broken as broken:
            report = {"code": "law-broken", "message": broken.message}
            report.update(law=broken.law, mode=broken.mode)
            builds.append({"ok": False, "error": report})
        except Exception as error:
            # The laws pass on what the original model itself raises, as in train mode.
            if not passes_through(error, original.root):
                raise
            own = layers.failure_of("does-not-run", error, "the model does not run")
            builds.append({"ok": False, "error": own.report})
        if not builds[-1]["ok"]:
            break
    return {"builds": builds}


def check_found(edited):
    """Refuse where an import of a new file finds another module of that name."""
    with edited:
        found = edited.other_module()
    if found is not None:
        name, place = found
        message = "`import %s` finds %s, and not the folder of the new blocks" % (name, place)
        raise layers.Failure("blocks-in-the-way", message)


def passes_through(error, folder):
    """Whether code of the folder was running when the error came up."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(trace.real(frame.f_code.co_filename).startswith(folder) for frame in frames)


def prove_build(original, edited, entry, request):
    expression = entry["expression"]
    with original:
        load(original)
        before = layers.build(original, expression)
        source = layers.find_input(original, before, request.get("inputs") or [])
        source = small_enough(before, source)
    with edited:
        try:
            load(edited)
            after = layers.build(edited, expression)
        except layers.Failure as failure:
            message = "the edited model: " + failure.report["message"]
            failure.report.update(code="law-broken", message=message, law="builds", mode=None)
            raise
        batch = layers.train_batch(source)
        proof = laws.prove(
            before, after, entry["splices"], lambda number: source.make(number, batch)
        )
    return dict(proof, input=source.describe())


def small_enough(model, source):
    """The smallest variant of a guessed input that runs in eval and in train."""
    for candidate in inputs.smaller(source):
        # Running in train mode moves statistics, and nothing else.
        before = [(buffer, buffer.clone()) for buffer in model.buffers()]
        try:
            for training in (False, True):
                model.train(training)
                layers.run(model, candidate, batch=layers.train_batch(candidate))
            return candidate
        except Exception:
            continue
        finally:
            for buffer, value in before:
                buffer.copy_(value)
    return source


OPERATIONS = {"survey": survey, "evaluate": evaluate, "prove": prove}
