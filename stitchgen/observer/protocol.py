"""What the two processes say to each other: a request and its answer are a line of JSON each.

The observer makes these dictionaries, `analysis` parses them into frozen records at its border; nobody
else indexes them. Runs on Python 3.8 with the standard library alone, as all of the observer.

Every answer is `{"ok": true, ...}`, or `{"ok": false, "error": ...}` where the whole request failed. The
first line, before any request, is a `Greeting`. What is a tuple here is a list in JSON.
"""

from __future__ import annotations

import os
from typing import Dict, List, Literal, Optional, Tuple, TypedDict, Union

#: A range in a source file, `[line, column, end_line, end_column]`, as `ast` counts them.
Position = List[int]


#: The code of a configuration that was not proven for want of time.
NOT_TRIED = "not-tried"


def time_limit() -> float:
    """The seconds that one request may take; STITCHGEN_TIMEOUT changes it."""
    return float(os.environ.get("STITCHGEN_TIMEOUT", "600"))


class ErrorBase(TypedDict):
    code: str
    message: str


class Error(ErrorBase, total=False):
    """Why something failed: `code`, `message` and `where` as in `--json`."""

    where: Optional[str]
    importing: bool  # does-not-build: the model file cannot even be imported
    missing_file: str  # and what it opens then
    package: str  # and the installed one that fails
    takes: str  # does-not-run: what the model's forward takes
    guessed: str  # does-not-run: the input that was guessed, as `--input` takes it
    models: List[str]  # not-a-model: the expressions of the models in what was built, `build()[1]`
    check: str  # law-broken: the check that does not hold, `law` in `--json`
    mode: Optional[str]  # and the mode in which it does not: eval, train
    method: str  # configuration-dependent: the method that fails, `Class.method`


class Refusal(TypedDict):
    """The answer to a request that failed as a whole."""

    ok: bool
    error: Error


class Greeting(TypedDict):
    ok: bool
    torch: str
    python: str


# Requests ---------------------------------------------------------------------------------------


class ScriptLines(TypedDict):
    """First lines of the statements of a script that are run for one expression."""

    needs: List[int]  # before the expression: the values that it reads
    changes: List[int]  # after it: what puts other layers into the model


class Script(TypedDict):
    """A model that a script keeps in a variable."""

    name: str
    builds: Dict[str, ScriptLines]  # by expression


class Variant(TypedDict):
    """A construction with one argument of its class changed, known by a name of its own."""

    build: str  # the expression
    class_key: str  # whose constructor gets it: `module:QualName`
    argument: str
    #: Another value, a list of another length, or a flag turned.
    change: Literal["value", "longer", "shorter", "first", "turned"]
    value: Union[bool, int, float, str, None]  # that value
    key: Optional[str]  # the attribute or key of the argument that is changed; None for all of it


class ModelRequestBase(TypedDict):
    file: str
    module: str
    paths: List[str]
    root: str
    inputs: List[str]


class ModelRequest(ModelRequestBase, total=False):
    """What every request carries beside its operation: the model file with how it is imported."""

    left_out: Optional[Dict[str, List[int]]]  # lines that are not run, by file
    script: Optional[Script]  # where the model is a variable of a script
    folders: List[str]  # those that scripts are run from, in which relative paths are looked for
    inputs_train: List[str]  # in train mode, where that is something else
    variants: Dict[str, Variant]  # by the names that stand for them where a build is named
    earlier: Dict[str, str]  # files that stand for those on the disk, in base64, by absolute path


class SurveyRequestBase(ModelRequest):
    op: Literal["survey"]
    builds: List[str]


class SurveyRequest(SurveyRequestBase, total=False):
    brief: List[str]  # of these, those that are run once, in eval
    strides: bool  # whether it matters how features lie in memory
    #: The last names of the layers whose features are meant; those of others are unknown where an experiment
    #: would have to tell. All by default.
    axes_of: Optional[List[str]]
    axes_read: bool  # whether those of others are read where the graph of autograd tells, without an experiment


class Trial(TypedDict):
    """A configuration in which the arguments of a class are changed one by one."""

    build: str
    class_name: str
    targets: Dict[str, int]  # how many calls of each layer are wanted


class EvaluateRequest(ModelRequest):
    op: Literal["evaluate"]
    builds: List[str]
    overlay: Dict[str, str]  # files that exist in memory alone, in base64, by absolute path
    candidates: Dict[str, List[str]]  # expressions, by the probe's key
    wanted: Dict[str, int]  # the count in the trial's configuration, by the probe's key
    trials: List[Trial]


class Grid(TypedDict):
    """A sequence as a map of its positions."""

    sizes: List[int]
    prefix: int  # how many positions come before those of the map


#: How a feature is brought into the block's order of axes: a permutation, `tokens`, `positions`, a grid.
Adapter = Union[None, str, List[int], Grid]


class Method(TypedDict, total=False):
    """How the block's output is joined with that of the layer and of other layers."""

    fuse: Optional[str]  # add, mul, concat; None: it replaces it
    axis: int  # of the channels: 1 or -1
    linear: bool  # the reduction is a Linear
    memory: str  # how the layer's output lies in memory: contiguous, channels_last
    step: int  # of the projection's stride
    position: int  # of the layer's own value among those that are joined
    features: bool  # the outputs of other layers are joined, without a block
    pyramid: Optional[str]  # path of the layer whose feature comes last, where all are replaced
    gated: bool
    adapter: Adapter
    adapters: Dict[str, Adapter]  # by the source's path
    parts: Dict[str, Union[str, List[str]]]  # paths of what was added: gate, reduce, project, ...
    sources: List[str]  # paths of the other layers that are read
    projections: Dict[str, str]  # path of the projection, by the source's path
    resize: Dict[str, Optional[str]]  # mode of F.interpolate, by the source's path


class SpliceBase(TypedDict):
    placement: str  # after, before, beside, replace
    target: str


class Splice(SpliceBase, total=False):
    """One block in one configuration, as the checks take it."""

    block: str
    made_of: str  # the name of the block's class
    layout: str  # of what the block is fed, as it takes it; "" where it does not matter
    calls: Optional[List[int]]  # those that it goes with, from 1; None: all
    element: Union[int, str, None]  # of what the layer returns, or is fed
    into: Optional[str]  # path of the one reader that gets the block's output
    method: Optional[Method]
    adapter: bool  # the block is fed the axes in another order, which is not known
    absent: bool  # the configuration has no such layer


#: How much is proven of a configuration: all; all, on a small input; the same in eval alone; that it is built
#: with its blocks and runs; for one that may have no block, that it is built and runs where it did, and gives the same if it has none;
#: the same on the user's own input, or not at all.
EXTENTS = ("whole", "small", "eval", "shapes", "relative", "given")


class ProofOfBuild(TypedDict):
    expression: str
    splices: List[Splice]
    extent: str  # EXTENTS
    named: bool  # it is tried whether there is time or not


class ModelFunction(TypedDict):
    """A function of the project that is given its model, or with `each` every module of it, or of its parts."""

    file: str
    name: str
    each: bool
    parts: List[Tuple[str, str]]  # class and path; all of the model where there is none


class UncalledMethod(TypedDict):
    """A method that runs an edited layer, and that no forward calls."""

    class_name: str
    name: str


class Inside(TypedDict):
    """A block that is an element of a Sequential which the instances of a class have."""

    file: str  # of the class
    class_name: str
    container: str  # path of the Sequential below an instance
    index: int  # of the block
    key: str  # by which the block is called in the splices, where the elements keep their old names
    loader: str  # the new file with `load_before`


class ProveRequestBase(ModelRequest):
    op: Literal["prove"]
    builds: List[ProofOfBuild]
    overlay: Dict[str, str]  # the edited files, in base64, by absolute path
    functions: List[ModelFunction]


class ProveRequest(ProveRequestBase, total=False):
    inside: List[Inside]
    methods: List[UncalledMethod]
    keep: bool  # further edits of the same original will be proven, whose files stay as they are


class Way(TypedDict):
    """One way in which the project imports one of the edited files."""

    file: str
    module: str
    paths: List[str]
    by_path: bool  # it is run as a file, and need not lie on the search path


class ImportRequestBase(ModelRequest):
    op: Literal["import"]
    ways: List[Way]
    overlay: Dict[str, str]  # the edited files, in base64, by absolute path


class ImportRequest(ImportRequestBase, total=False):
    base: Dict[str, str]  # the same as they were, where they are not that on the disk


class EditOfBuild(TypedDict):
    expression: str
    before: str  # that of the same configuration as the model was
    brief: bool  # it is enough that it runs and calls what is new as often as its layers


class ProveEditRequest(ModelRequest):
    """An edit that is on the disk already; nobody says where it put what."""

    op: Literal["prove_edit"]
    builds: List[EditOfBuild]
    base: Dict[str, str]  # the changed files as they were, in base64, by absolute path


# Models of a YAML file ----------------------------------------------------------------------------


class NewRow(TypedDict):
    """A row that was put in, or has another module; numbers are those of the edited file, -1 is the image."""

    index: int
    sources: List[int]  # what it reads; without it, its readers would read the first
    readers: List[int]
    replaces: Optional[int]  # the old number of the row whose place it has


class RowsRequestBase(ModelRequest):
    op: Literal["prove_rows"]
    before: str  # the YAML's text
    after: str
    rows: List[NewRow]
    moved: List[int]  # the new number of each old row
    scales: List[str]  # all that the file has; those of `full` are run, the others built
    full: List[str]


class RowsRequest(RowsRequestBase, total=False):
    overlay: Dict[str, str]
    builder: Optional[str]  # the project's own module with parse_model; None: ultralytics.nn.tasks
    register: Optional[str]  # the module that sets the blocks' names
    name: str  # of the block's class in the YAML


class TwinRequestBase(ModelRequest):
    op: Literal["make_twin"]
    checkpoint: str
    yaml: str  # the text of the edited YAML


class TwinRequest(TwinRequestBase, total=False):
    overlay: Dict[str, str]
    builder: Optional[str]
    register: Optional[str]


class FlowRequest(ModelRequest):
    op: Literal["flow"]
    build: str
    overlay: Dict[str, str]  # files as they are to be taken to be, in base64, by absolute path


class ReadFilesRequest(ModelRequest):
    op: Literal["read_files"]


class LookUpRequest(ModelRequest):
    op: Literal["look_up"]
    names: List[str]  # dotted names of modules, or of what they bind


Request = Union[
    SurveyRequest,
    EvaluateRequest,
    ProveRequest,
    ProveEditRequest,
    ImportRequest,
    RowsRequest,
    TwinRequest,
    FlowRequest,
    LookUpRequest,
    ReadFilesRequest,
]


# Answers ----------------------------------------------------------------------------------------


class Value(TypedDict, total=False):
    """What a layer is fed or returns: a tensor by its shape, a container by its parts, else its type.

    Empty for the input of a call that has no positional arguments.
    """

    shape: List[int]
    dtype: str
    memory: str  # channels_last, where channels that come first lie last in memory
    items: List["Value"]
    keys: Dict[str, "Value"]
    literals: List[str]  # the keys as source
    type: str  # of anything but a tensor


class FeatureBase(TypedDict):
    layout: Optional[str]
    channels: Optional[int]
    dims: Optional[int]


class Feature(FeatureBase, total=False):
    """The axes of a tensor; all None where they cannot be determined."""

    memory: str  # contiguous, channels_last; only with a layout
    grid: "GridOfFeature"  # of N x L x C, where it is known


class GridOfFeature(Grid):
    """The map whose positions a sequence is."""

    varies: bool  # the model was seen to take other sizes
    names: Optional[
        List[str]
    ]  # local variables with its height and width where the layer is called


class CallFeatures(TypedDict):
    """Of one call."""

    output: Feature
    input: Feature


class SiteBase(TypedDict):
    #: call, slice, argument, forward; and those that cannot be edited: package, unknown, top, unresolved
    how: str


class SiteOfCall(SiteBase, total=False):
    """Where one call of a layer, or of a Sequential around it, is."""

    file: str
    line: int
    span: Position
    function: str
    owner: Optional[str]  # path of the module whose method holds the call
    owner_class: str
    called: Optional[
        str
    ]  # path, below the owner, of the module that is called; None: it is not below
    part: List[str]  # slice: the names of the children in it
    chain: List[str]  # names from the module that is called down to the layer
    through: List[str]  # checkpoint, where that calls the module


class SiteCalls(TypedDict):
    modes: List[str]
    numbers: List[int]


class Site(SiteOfCall, SiteCalls):
    """Where a layer is called, with the modes and the numbers of the calls that are made there."""


class Frame(TypedDict):
    """A frame in which a child was registered."""

    file: str
    line: int
    function: str
    first_line: int
    self: Optional[str]  # path of the module whose method it is


class WeightRead(TypedDict):
    file: str
    line: int
    name: str


#: An argument that a layer returned, or an element of one: key, element, paths of the producers.
Argument = Tuple[Union[int, str], Optional[int], List[str]]

Plain = Union[None, bool, int, float, str]
Attribute = Union[Plain, Tuple[Plain, ...], List[Plain]]


class LayerBase(TypedDict):
    path: str
    same_as: Optional[str]  # the first of the names that the module has
    class_key: str
    calls: Dict[str, int]  # by mode
    sites: List[Site]
    registered: Optional[
        List[int]
    ]  # the frames of the build, innermost first, in which its parent got it
    readers: List[str]
    weights_read: Optional[WeightRead]
    scripted: bool
    sizes: Dict[str, int]
    attributes: Dict[str, Attribute]


class Layer(LayerBase, total=False):
    """A submodule of one configuration; what is not in the base only where it was called in eval."""

    output: Value
    inputs: List[Value]
    order: int
    arguments: List[Argument]
    overwrites: bool
    overwritten: bool
    features: List[CallFeatures]
    elements: Dict[str, List[Feature]]


class BuildBase(TypedDict):
    ok: bool
    expression: str
    seconds: float


class Build(BuildBase, total=False):
    """One configuration: that it was built and run, and its layers; or `error`, why not."""

    error: Error
    parameters: int
    input: str
    device: str
    train_error: Optional[str]
    class_key: str
    layers: List[Layer]  # each behind the one that it is in
    frames: List[Frame]


class Class(TypedDict):
    """A class of the model; `file` is empty where its source cannot be found."""

    name: str
    module: str
    file: str
    forward_file: Optional[str]
    bases: List[str]
    sequential: bool
    container: bool
    own_forward: bool


class SurveyAnswer(TypedDict):
    builds: List[Build]
    classes: Dict[str, Optional[Class]]
    stood_in: List[str]  # packages that were replaced by empty ones, since their own import fails
    notes: List[str]  # what else was not as in the project


class Passage(TypedDict):
    """The candidates' values where a module's constructor passed a probe."""

    key: str
    owner: str
    values: Dict[str, int]


class EvaluatedBuildBase(TypedDict):
    ok: bool


class EvaluatedBuild(EvaluatedBuildBase, total=False):
    error: Error
    passages: List[Passage]


class Shapes(TypedDict):
    """Of the first argument and of the result, by call."""

    output: List[Value]
    input: List[Value]


class EvaluatedTrial(TypedDict):
    number: int  # of the trial that was asked for
    argument: str
    passages: List[Passage]
    shapes: Dict[str, Shapes]


class EvaluateAnswer(TypedDict):
    builds: List[EvaluatedBuild]
    trials: List[EvaluatedTrial]


class Keys(TypedDict):
    """Of the state_dict."""

    added: List[str]
    lost: List[str]
    reshaped: List[str]


class Proof(TypedDict):
    """What the proof of one configuration found beside that all checks hold."""

    keys: Keys
    params_added: int
    macs_added: int  # of one sample
    macs_counted: str  # which operations are counted, in words
    forwards: int
    backwards: int
    notes: List[str]
    unshown: List[str]  # checks that nothing could be shown of


class LeftOut(TypedDict):
    """A block whose parameters a method does not hand to the optimizer, as it does those of the layer; or `twice`,
    as it does not."""

    where: str
    method: str
    layer: str
    block: str
    twice: bool


class ProvenBuildBase(TypedDict):
    ok: bool


class ProvenBuild(ProvenBuildBase, total=False):
    """`error`, or what is in `Proof` and the input that was run."""

    error: Error
    keys: Keys
    params_added: int
    macs_added: int
    macs_counted: str
    forwards: int
    backwards: int
    notes: List[str]
    unshown: List[str]
    input: str
    left_out: List[LeftOut]
    called: List[
        str
    ]  # methods and functions of the project that ran on both models, as `path:line`
    uncalled: List[str]  # `Class.method`: what could not be called with the arguments of a forward
    on_one: Optional[Error]  # what the edited model alone fails with, trained on one sample


class TriedImport(TypedDict):
    """Why the import of a file fails, as it is and as it would be; None where it works."""

    before: Optional[Error]
    after: Optional[Error]


class ImportAnswer(TypedDict):
    """The ways in their order."""

    ways: List[TriedImport]


class ProveAnswer(TypedDict):
    """The builds in their order, up to the first that fails."""

    builds: List[ProvenBuild]


class NewModule(TypedDict):
    """A module of the edited model that the original does not have, and where it sits."""

    path: str
    class_name: str
    placement: str
    target: str
    fuse: Optional[str]
    gate: Optional[str]  # path of the parameter that scales what is added
    defined: Optional[str]  # `path:line`
    called: Optional[str]
    layout: str  # of what it is fed, as it takes it; "" where its weights do not tell
    channels: Optional[int]


class ProvenEditBase(TypedDict):
    ok: bool


class ProvenEdit(ProvenEditBase, total=False):
    """`error`, or what was found; `before`: it is the original that does not build or run."""

    error: Error
    before: bool
    input: str
    modules: List[NewModule]
    keys: Keys
    params_added: int
    macs_added: int
    notes: List[str]
    unshown: List[str]


class ProveEditAnswer(TypedDict):
    """All builds, in their order."""

    builds: List[ProvenEdit]


class ProvenScale(TypedDict):
    """One scale at which all checks hold."""

    scale: str
    full: bool
    keys: Keys
    params_added: int
    macs_added: int
    macs_counted: str
    input: str
    notes: List[str]


class RowsAnswer(TypedDict):
    scales: List[ProvenScale]
    builder: str  # the file with parse_model
    version: str  # of Ultralytics, "" for a repository of its own
    error: Optional[Error]  # of the scale after those, where a check does not hold


class TwinAnswer(TypedDict):
    """Where the twin of a checkpoint was written, and how many of its tensors fit the edited model."""

    path: str
    tensors: int
    arriving: int
    plain: int  # without the twin, by name and shape
    scale: str
    rows: List[int]  # for which an Identity stands


class FlowModule(TypedDict):
    name: str  # of its class
    file: str  # in which its forward is written
    parameters: int


class FlowStep(TypedDict):
    """A call of a layer, or of a function between them; tensors by their numbers."""

    kind: str  # call, function
    name: str  # the layer's path, "" of the model itself; the function's name
    parent: int  # index of the call inside which it was made; -1 for the model's own
    inputs: List[int]
    outputs: List[int]


class FlowAnswer(TypedDict):
    """One forward pass in eval, its steps in the order in which they began."""

    expression: str
    input: str
    modules: Dict[str, FlowModule]  # by path, "" the model itself
    steps: List[FlowStep]
    shapes: List[List[int]]  # of the tensors, by number


class Package(TypedDict):
    """The distribution that a module came with; "" for what it does not say."""

    name: str
    version: str
    licence: str
    licence_file: str  # in site-packages


class PlaceBase(TypedDict):
    name: str  # that was asked for


class Place(PlaceBase, total=False):
    """Where a name is defined; or `error`, why it is not found."""

    error: str
    module: str
    attribute: str  # "" of a module itself
    file: str
    package: Package


class ReadFilesAnswer(TypedDict):
    """What the process has read since it began, by absolute path."""

    own: List[str]  # files of the project and elsewhere
    installed: List[str]  # files of installed packages
    folders: List[str]  # folders that were listed
    packages: List[str]  # the folders in which packages are installed
    executable: str  # the Python that runs, whatever started it


class LookUpAnswer(TypedDict):
    """The names in their order."""

    places: List[Place]
