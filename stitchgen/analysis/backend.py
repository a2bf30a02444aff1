"""Who knows a model: a backend that runs it, or one that reads its source. Both speak in these terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stitchgen.analysis.layer_facts import Failure, Value
from stitchgen.analysis.survey import Survey
from stitchgen.analysis.variants import Variant
from stitchgen.errors import InternalError, StitchError
from stitchgen.project.model_functions import ModelFunction
from stitchgen.project.ways_in import WayIn

#: What can be done about a model that does not fit into memory.
TOO_LARGE = (
    "Name a smaller configuration, --build 'Net(width=8)'; or write without a proof: --no-prove."
)


@dataclass(frozen=True)
class Trial:
    """A configuration that is built again with the arguments of one class changed, one by one."""

    build: str
    class_name: str
    layers: Mapping[str, int]  # whose shapes are wanted: path -> how many calls

    @property
    def key(self) -> str:
        """Equal for trials that are the same."""
        return repr((self.build, self.class_name, sorted(self.layers.items())))


@dataclass(frozen=True)
class Questions:
    """Expressions to be evaluated where a probe stands in the edited files, by the probe's key."""

    builds: Sequence[str]
    overlay: Mapping[Path, bytes]  # the files with the probes
    candidates: Mapping[str, Sequence[str]]
    wanted: Mapping[str, int]  # the value that one of them should have in its trial's configuration
    trials: Sequence[Trial]


#: A probe's key and the path of the module whose constructor passed it -> values by expression.
Passages = Mapping[tuple[str, str], Mapping[str, int]]


@dataclass(frozen=True)
class OtherArguments:
    """What one trial gave: the values and the layers' shapes with one argument changed."""

    trial: int  # its number among those asked for
    argument: str
    passages: Passages
    outputs: Mapping[str, Sequence[Value]]  # by path, then by call
    inputs: Mapping[str, Sequence[Value]]


@dataclass(frozen=True)
class Evaluation:
    """The answer to `Questions`: the values in each build, or why it failed, and the trials."""

    builds: Sequence[Passages | Failure]
    trials: Sequence[OtherArguments] = ()


@dataclass(frozen=True)
class Proposal:
    """One configuration of the edited model, with the splices in it, as the checks take them."""

    expression: str
    splices: Sequence[Mapping[str, Any]]
    extent: str = "whole"  # protocol.EXTENTS
    named: bool = True  # somebody asked for it; others are tried as long as there is time


@dataclass(frozen=True)
class BrokenCheck:
    """Why the proof of one configuration failed: a check that does not hold, or the model's own failure."""

    code: str
    message: str
    where: str | None = None
    check: str | None = None
    mode: str | None = None
    method: str | None = None  # that fails with the block, and that no forward calls
    not_tried: bool = False  # nothing failed: there was no time for it


@dataclass(frozen=True, order=True)
class Method:
    """A method that runs an edited layer, and that no forward calls."""

    class_name: str
    name: str

    def __str__(self) -> str:
        return f"{self.class_name}.{self.name}"


@dataclass(frozen=True)
class TriedImport:
    """Why the import of a file fails in one way, as it is and as it would be; None where it works."""

    before: Failure | None
    after: Failure | None


@dataclass(frozen=True)
class KeyChanges:
    """What becomes of the keys of the old `state_dict`."""

    added: Sequence[str] = ()
    lost: Sequence[str] = ()
    reshaped: Sequence[Any] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "added": list(self.added),
            "lost": list(self.lost),
            "reshaped": list(self.reshaped),
        }


@dataclass(frozen=True)
class LeftOut:
    """A block whose parameters a method of the model does not hand to the optimizer, as it does its layer's, or twice."""

    where: str
    method: str
    layer: str
    block: str
    twice: bool = False


@dataclass(frozen=True)
class ProvenConfiguration:
    """What was seen of one configuration whose checks all hold."""

    params_added: int
    macs_added: int
    input: str
    notes: Sequence[str] = ()
    unshown: Sequence[str] = ()  # checks that nothing could be shown of
    keys: KeyChanges = field(default_factory=KeyChanges)
    left_out: Sequence[LeftOut] = ()
    called: Sequence[str] = ()  # what of the project ran on both models besides, as `path:line`
    uncalled: Sequence[str] = ()  # of the methods given, those that could not be called
    on_one: Failure | None = None  # what the edited model alone fails with, trained on one sample


@dataclass(frozen=True)
class EditedConfiguration:
    """One configuration of a model that was edited already, as it is built now and as it was before."""

    expression: str
    before: str
    brief: bool = False  # it is enough that it runs and calls what is new as often as its layers


@dataclass(frozen=True)
class NewModule:
    """A module that an edit put into a model, and where it was found to sit."""

    path: str
    class_name: str
    placement: str
    target: str
    fuse: str | None = None
    gate: str | None = None
    defined: str | None = None  # `path:line`
    called: str | None = None
    layout: str = ""
    channels: int | None = None


@dataclass(frozen=True)
class ProvenEdit:
    """What was seen of one configuration whose checks all hold."""

    proven: ProvenConfiguration
    modules: Sequence[NewModule]


@dataclass(frozen=True)
class NotComparable:
    """The model as it was does not build or run in this configuration."""

    failure: Failure


class Backend(Protocol):
    """One model under analysis.

    `survey` raises StitchError where nothing can be known; `evaluate` and `prove` are for backends that run
    the model: `runs` says whether this one does.
    """

    runs: bool
    #: Why the model is read and not run, where that was not asked for.
    instead_of: StitchError | None

    def survey(
        self,
        builds: Sequence[str],
        brief: Sequence[str] = (),
        *,
        strides: bool = False,
        meant: Collection[str] | None = None,
        others: bool = False,
    ) -> Survey:
        """All layers of these configurations; those in `brief` are looked at less closely.

        `strides`: it matters how features lie in memory. `meant` are the last names of the layers whose
        features matter, where that is known; with `others` those of others do as well, where they are told at
        no cost.
        """

    def survey_variants(
        self, variants: Sequence[Variant], meant: Collection[str] | None = None
    ) -> Survey:
        """The same of constructions with one argument changed; their names stand for them from then on."""

    def evaluate(self, questions: Questions) -> Evaluation:
        """The values of expressions in the live constructors."""

    def prove(
        self,
        proposals: Sequence[Proposal],
        overlay: Mapping[Path, bytes],
        functions: Sequence[ModelFunction] = (),
        inside: Sequence[Mapping[str, Any]] = (),
        methods: Sequence[Method] = (),
    ) -> Sequence[ProvenConfiguration | BrokenCheck]:
        """Hold the checks against each configuration; ends with the first that fails.

        `functions` of the project, and `methods` that no forward calls, have to work on the edited model where
        they do on the original. `inside`: what are elements of a Sequential (`protocol.Inside`).
        """

    def prove_edit(
        self,
        configurations: Sequence[EditedConfiguration],
        base: Mapping[Path, bytes],
        variants: Sequence[Variant] = (),
    ) -> Sequence[ProvenEdit | BrokenCheck | NotComparable]:
        """Hold the checks against an edit that is on the disk; `base` are the files as they were."""

    def import_in(
        self,
        ways: Sequence[tuple[Path, WayIn]],
        overlay: Mapping[Path, bytes],
        base: Mapping[Path, bytes] | None = None,
    ) -> Sequence[TriedImport]:
        """Import each file in a way in which the project does, as it is (with `base`, as it was) and with
        the overlay."""

    def close(self) -> None:
        """End what was started."""


READ_ALONE = "the model is read and not run"


class ReadingBackend(Backend):
    """A backend that does not run the model. It has a `survey`, whose layers have `read`; it is asked for no more."""

    runs = False

    def survey_variants(
        self, variants: Sequence[Variant], meant: Collection[str] | None = None
    ) -> Survey:
        raise InternalError(f"no arguments are changed: {READ_ALONE}")

    def evaluate(self, questions: Questions) -> Evaluation:
        raise InternalError(f"nothing can be evaluated: {READ_ALONE}")

    def prove(
        self,
        proposals: Sequence[Proposal],
        overlay: Mapping[Path, bytes],
        functions: Sequence[ModelFunction] = (),
        inside: Sequence[Mapping[str, Any]] = (),
        methods: Sequence[Method] = (),
    ) -> Sequence[ProvenConfiguration | BrokenCheck]:
        raise InternalError(f"nothing can be proven: {READ_ALONE}")

    def prove_edit(
        self,
        configurations: Sequence[EditedConfiguration],
        base: Mapping[Path, bytes],
        variants: Sequence[Variant] = (),
    ) -> Sequence[ProvenEdit | BrokenCheck | NotComparable]:
        raise InternalError(f"nothing can be proven: {READ_ALONE}")

    def import_in(
        self,
        ways: Sequence[tuple[Path, WayIn]],
        overlay: Mapping[Path, bytes],
        base: Mapping[Path, bytes] | None = None,
    ) -> Sequence[TriedImport]:
        raise InternalError(f"nothing can be imported: {READ_ALONE}")

    def close(self) -> None:
        """Nothing was started."""
