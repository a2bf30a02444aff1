"""What the two processes say to each other: a request and its answer are one JSON object a line each.

The observer makes these dictionaries, `analysis` parses them into frozen records at its border; nobody
else indexes them. Runs on Python 3.8 with the standard library alone, as all of the observer.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict

#: A place in a source file, `[line, column, end_line, end_column]`, as `ast` counts them.
Position = List[int]


class Error(TypedDict, total=False):
    """Why something failed: `code`, `message` and `where` as in `--json`."""

    code: str
    message: str
    where: Optional[str]
    takes: str  # does-not-run: what the model's forward takes
    law: str  # law-broken: the check that does not hold
    mode: Optional[str]  # and the mode in which it does not: eval, train


# Requests ---------------------------------------------------------------------------------------


class Request(TypedDict, total=False):
    """What every request carries: the operation, and the model file with how it is imported."""

    op: str  # survey, evaluate, prove
    file: str
    module: str
    paths: List[str]
    root: str
    left_out: Dict[str, List[int]]  # lines that are not run, by file
    script: Optional[Dict[str, Any]]  # where the model is a variable of a script
    inputs: List[str]
    overlay: Dict[str, str]  # files that exist in memory alone, in base64


class SurveyRequest(Request, total=False):
    builds: List[str]
    brief: List[str]  # of these, those that are run once, in eval
    strides: bool  # whether it matters how features lie in memory


class Trial(TypedDict):
    """A configuration in which the arguments of a class are changed one by one."""

    build: str
    class_name: str
    targets: Dict[str, int]  # how many calls of each layer are wanted


class EvaluateRequest(Request, total=False):
    builds: List[str]
    candidates: Dict[str, List[str]]  # expressions, by the probe's key
    wanted: Dict[str, int]  # the count in the trial's configuration, by the probe's key
    trials: List[Trial]


class Splice(TypedDict, total=False):
    """One block in one configuration, as the checks take it."""

    placement: str
    target: str
    block: str
    calls: Optional[List[int]]
    element: Any
    into: Optional[str]
    method: Optional[Dict[str, Any]]
    absent: bool  # the configuration has no such layer


class ProofOfBuild(TypedDict):
    expression: str
    splices: List[Splice]


class ProveRequest(Request, total=False):
    builds: List[ProofOfBuild]


# Answers ----------------------------------------------------------------------------------------


class Value(TypedDict, total=False):
    """What a layer is fed or gives: a tensor by its shape, a container by its parts, else its type."""

    shape: List[int]
    memory: str  # contiguous, channels_last
    items: List["Value"]
    keys: Dict[str, "Value"]
    literals: List[str]  # the keys as source
    type: str


class Feature(TypedDict, total=False):
    layout: Optional[str]
    channels: Optional[int]
    dims: Optional[int]
    memory: str


class CallFeatures(TypedDict):
    """Of one call."""

    gives: Feature
    takes: Feature


class Site(TypedDict, total=False):
    """Where a layer, or a Sequential around it, is called."""

    how: str  # call, slice, argument, forward; package, unknown, top: none that can be edited
    file: str
    line: int
    span: Position
    function: str
    owner: Optional[str]  # path of the module whose method holds the call
    owner_class: str
    called: str  # path, below the owner, of the module that is called
    part: List[str]  # slice: the names of the children in it
    modes: List[str]
    numbers: List[int]


class Frame(TypedDict, total=False):
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


class Layer(TypedDict, total=False):
    """A submodule of one configuration; from `output` on only where it was called in eval."""

    path: str
    same_as: Optional[str]  # the first of the names that the module has
    class_key: str
    owner_class: str
    calls: Dict[str, int]  # by mode
    sites: List[Site]
    definition: List[Optional[List[Frame]]]  # for each name of the path
    readers: List[str]
    weights_read: Optional[WeightRead]
    scripted: bool
    sizes: Dict[str, int]
    attributes: Dict[str, Any]
    parameters: int
    output: Value
    inputs: List[Value]
    order: int
    arguments: List[Any]  # `[key, element, producers]`
    overwrites: bool
    overwritten: bool
    features: List[CallFeatures]
    elements: Dict[str, List[Feature]]


class Build(TypedDict, total=False):
    """One configuration: that it was built and run, and its layers; or why not."""

    ok: bool
    error: Error
    expression: str
    seconds: float
    parameters: int
    input: str
    device: str
    train_error: Optional[str]
    class_key: str
    layers: List[Layer]


class Class(TypedDict, total=False):
    """A class of the model; None where its source cannot be told."""

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
    stood_in: Any


class Passage(TypedDict):
    """The candidates' values where a module's constructor passed a probe."""

    key: str
    owner: str
    values: Dict[str, int]


class EvaluatedBuild(TypedDict, total=False):
    ok: bool
    error: Error
    passages: List[Passage]


class Shapes(TypedDict):
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
    added: List[str]
    lost: List[str]
    reshaped: List[Any]


class ProvenBuild(TypedDict, total=False):
    ok: bool
    error: Error
    params_added: int
    macs_added: int
    input: str
    notes: List[str]
    keys: Keys


class ProveAnswer(TypedDict):
    builds: List[ProvenBuild]
