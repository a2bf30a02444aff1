"""Which calls of a file build a model and do nothing else.

In 38 public repositories 751 functions can
be called without arguments, `main` and `train` among them, and whatever is listed here will be
run. So a function counts only if each of its `return`s, as read, is a construction, and every
call on the way is one that is known to do no more than compute. Branches that are dead with
the weights off (`if pretrained:`) are not looked at.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.configured import configured_construction
from stitchgen.analysis.project_scopes import ProjectScopes
from stitchgen.analysis.scope import (
    TORCH_MODULE,
    Function,
    Scope,
    read_scope,
    split_origin,
)
from stitchgen.project.modules import ProjectFiles, no_files
from stitchgen.source.tree import imported_names, nodes_in

#: Parameters that switch the loading of weights. `init_weights=True` is none of them.
WEIGHTS = re.compile(r"(use_)?(pretrained|weights)(_\w+)?|\w+_pretrained|load_weights")

_PURE_BUILTINS = frozenset(
    "abs all any bool bytes callable dict divmod enumerate filter float format frozenset getattr "
    "hasattr int isinstance issubclass iter len list map max min next pow range repr reversed "
    "round set setattr slice sorted str sum super tuple type zip".split()
)
_ERRORS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
#: What may be called of other packages. `torch.load` and `torch.hub` are files and the network.
_PURE_ORIGINS = re.compile(
    r"torch\.nn\..*|torch\.(?!load|save|compile|set_|hub|jit)\w+"
    r"|math\..*|functools\.(partial|reduce)|copy\.(copy|deepcopy)|collections\..*|itertools\..*"
    r"|operator\..*|typing\..*|warnings\.(warn|simplefilter|filterwarnings)|types\.\w+"
    r"|numpy\.(?!load|save|savez|loadtxt|savetxt|fromfile|genfromtxt|memmap|lib|testing|DataSource)\w+"
    r"|os\.path\.(join|basename|dirname|splitext)|dataclasses\.\w+|einops\..*"
    r"|torchvision\.(models|ops)\..*|timm\.(layers|models)\..*|timm\.create_model"
)
_PURE_METHODS = frozenset(
    "add append capitalize children clear copy count endswith eval extend float format get index "
    "insert items join keys lower lstrip modules named_children named_modules named_parameters "
    "parameters pop popleft remove replace requires_grad_ rstrip setdefault sort split startswith "
    "strip title tolist train update upper values add_module register_module apply fill_ "
    "constant_ zero_ normal_ uniform_ removeprefix removesuffix cumsum item int long numpy round "
    "__init__ partition rpartition _replace _asdict deepcopy".split()
)
_INITIALISE = re.compile(r"_*(init|reset|initiali[sz]e)(_|$)\w*")
_LOGGERS = frozenset({"logger", "_logger", "LOGGER", "logging", "log"})
_LOG_METHODS = frozenset({"debug", "info", "warning", "warn"})
#: Methods of a module that return the module itself.
_RETURNS_SELF = frozenset({"eval", "train", "float"})
_DECORATORS = re.compile(
    r"register\w*|(add_)?(start|end)?_?docstr\w*|handle_legacy_interface|wraps|lru_cache|cache"
    r"|no_grad|deprecated|kwonly_to_pos_or_kw|add_start_docstrings\w*"
)
#: What constructs the class that it is passed first; third, whether weights are to be loaded.
_BUILDERS = re.compile(r"timm\.models\.(\w+\.)*build_model_with_cfg")
#: Of such files, which list dozens of constructions that differ in numbers, the first ones are enough.
_MOST_BUILT = 8
_UNKNOWN = object()
#: What a function constructs: how the result is subscripted for it (not at all: ""), and the class.
Results = tuple[tuple[str, str], ...]


def factories(
    tree: ast.Module,
    text: str = "",
    project_files: ProjectFiles = no_files,
    *,
    imported: bool = False,
) -> dict[str, list[str]]:
    """The calls without needed arguments that construct a class of the file, by class: `build()`, and `build()[1]`
    where a function returns its model beside something else.

    `weights=None` or `pretrained=False` is written out only where the default is on. Functions
    come in the order of the file. Functions of other files are harmless only if `project_files`
    finds them and they read so. With `imported`, the classes that the file imports from the project
    count as well.
    """
    scope = read_scope(tree, text)
    ProjectScopes(scope, project_files)
    reader = _FactoryReader(scope, {}, imported=imported)
    found: dict[str, list[str]] = {}
    for function in scope.functions.values():
        call = _call_without_arguments(function)
        if call is None or not _decorated_harmlessly(function.decorator_list):
            continue
        expression, known = call
        for subscript, made in reader.results_of(function, known):
            found.setdefault(made, []).append(f"{expression}{subscript}")
    if reader.by_builder:
        return {made: expressions[:_MOST_BUILT] for made, expressions in found.items()}
    return found


def harmless(tree: ast.Module, text: str = "", project_files: ProjectFiles = no_files) -> set[str]:
    """The functions of the file that do nothing but compute, whatever they are called with."""
    scope = read_scope(tree, text)
    ProjectScopes(scope, project_files)
    reader = _FactoryReader(scope, {})
    return {
        name
        for name, function in scope.functions.items()
        if _decorated_harmlessly(function.decorator_list)
        and isinstance(function, ast.FunctionDef)
        and reader.is_harmless(function, {})
    }


def constructible(tree: ast.Module, text: str = "") -> dict[str, str]:
    """The model classes of the file that can be constructed without arguments: `Net()`."""
    scope = read_scope(tree)
    names = scope.module_classes()
    calls = {name: _construction(scope, name) for name in names}
    configured = {
        name: configured_construction(scope, name) for name in names if calls[name] is None
    }
    # A layer that takes the model's configuration is built by the model, on what that feeds it.
    parts = {
        part.id
        for name, call in configured.items()
        if call is not None
        for part in nodes_in(scope.classes[name])
        if isinstance(part, ast.Name) and part.id != name
    }
    calls |= {name: call for name, call in configured.items() if name not in parts}
    return {name: call for name, call in calls.items() if call is not None}


def _construction(scope: Scope, class_name: str) -> str | None:
    """`Net()` where every `__init__` that it reaches takes no argument that is needed."""
    calls = []
    for name in scope.bases(class_name):
        definition = scope.classes[name]
        if any(keyword.arg != "metaclass" for keyword in definition.keywords):
            return None
        if not _decorated_harmlessly(definition.decorator_list):
            return None
        own = [i for i in definition.body if isinstance(i, Function) and i.name == "__init__"]
        if not own:
            continue
        only = own[0] if len(own) == 1 else None
        if not isinstance(only, ast.FunctionDef):
            return None
        call = _call_without_arguments(only, skip_self=True)
        if call is None:
            return None
        calls.append(call[0].removeprefix("__init__"))
        if hands_on(only):
            return None
        if own[0].args.vararg is None and own[0].args.kwarg is None:
            return f"{class_name}{calls[0]}"
        # `*args, **kwargs` are what the next class takes, which must need nothing either.
    return f"{class_name}{calls[0] if calls else '()'}" if _only_torch(scope, class_name) else None


def hands_on(function: ast.FunctionDef) -> bool:
    """Whether a constructor hands its `*args` to something beside the next constructor, which needs some of them."""
    vararg = function.args.vararg
    for call in nodes_in(function) if vararg is not None else ():
        if isinstance(call, ast.Call) and not ast.unparse(call.func).startswith("super("):
            for argument in call.args:
                match argument:
                    case ast.Starred(value=ast.Name(id=name)) if vararg and name == vararg.arg:
                        return True
    return False


def configurations(
    tree: ast.Module, text: str = "", project_files: ProjectFiles = no_files
) -> dict[str, list[str]]:
    """For each class of the file the calls that build it: its factories, then `Net()`."""
    found = factories(tree, text, project_files)
    for name, expression in constructible(tree).items():
        calls = found.setdefault(name, [])
        if expression not in calls:
            calls.append(expression)
    return found


def _only_torch(scope: Scope, class_name: str) -> bool:
    """Whether the classes outside the file that it derives from are `nn.Module` alone."""
    bases = [base for name in scope.bases(class_name) for base in scope.classes[name].bases]
    outside = [
        base for base in bases if not (isinstance(base, ast.Name) and base.id in scope.classes)
    ]
    return all(scope.origin(base) in TORCH_MODULE for base in outside)


def _call_without_arguments(
    function: ast.FunctionDef, *, skip_self: bool = False
) -> tuple[str, dict[str, Any]] | None:
    """The call that needs no arguments, and what is then known of the parameters."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if skip_self:
        if not positional:
            return None
        positional = positional[1:]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    if len(arguments.defaults) > len(positional):
        return None
    defaults += arguments.defaults
    pairs = [*zip(positional, defaults), *zip(arguments.kwonlyargs, arguments.kw_defaults)]
    written, known = [], {}
    for parameter, default in pairs:
        if default is None:
            return None
        value = _constant(default, {})
        name = parameter.arg
        if WEIGHTS.fullmatch(name) and (value is _UNKNOWN or value):
            if parameter in arguments.posonlyargs:
                return None
            value = False if value is True else None
            written.append(f"{name}={value}")
        if value is not _UNKNOWN:
            known[name] = value
    return f"{function.name}({', '.join(written)})", known


def _decorated_harmlessly(decorators: Iterable[ast.expr]) -> bool:
    """Whether the decorators leave what the function returns alone, by their names."""
    for decorator in decorators:
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        name = decorator.attr if isinstance(decorator, ast.Attribute) else None
        name = decorator.id if isinstance(decorator, ast.Name) else name
        if name is None or not _DECORATORS.fullmatch(name):
            return False
    return True


def _constant(expression: ast.expr, known: dict[str, Any]) -> Any:
    """The value of an expression of constants and known names, or `_UNKNOWN`."""
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return known.get(name, _UNKNOWN)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            value = _constant(operand, known)
            return _UNKNOWN if value is _UNKNOWN else not value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=[]) | ast.List(elts=[]):
            return ()
        case ast.Dict(keys=[]):
            return {}
        case ast.BoolOp(op=operator, values=values):
            result: Any = _UNKNOWN
            unsure = False
            for value in (_constant(value, known) for value in values):
                if value is _UNKNOWN:
                    unsure = True
                elif bool(value) == isinstance(operator, ast.Or):
                    return value  # decides the truth, whatever the others are
                else:
                    result = value
            return _UNKNOWN if unsure else result
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            one, other = _constant(left, known), _constant(right, known)
            if one is _UNKNOWN or other is _UNKNOWN:
                return _UNKNOWN
            match operator:
                case ast.Is() | ast.Eq():
                    return one == other
                case ast.IsNot() | ast.NotEq():
                    return one != other
    return _UNKNOWN


@dataclass
class _State:
    """What is known at one point of a function: constants, and which names hold a model."""

    known: dict[str, Any]
    made: dict[str, str] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)  # names bound to something harmless to call

    def copy(self) -> _State:
        return _State(dict(self.known), dict(self.made), set(self.local))

    def forget(self, name: str) -> None:
        self.known.pop(name, None)
        self.made.pop(name, None)
        self.local.discard(name)


class _Refused(Exception):
    """The function does something that is not known to be harmless."""


class _FactoryReader:
    """Reads functions of one file; remembers what it has found out."""

    def __init__(
        self, scope: Scope, readers: dict[int, _FactoryReader], *, imported: bool = False
    ) -> None:
        self.scope, self.readers = scope, readers
        self.imported = imported  # whether a class of another file counts as made
        readers[id(scope)] = self  # the project keeps its scopes alive
        self.results: dict[tuple[str, str], Results] = {}
        self.by_builder = False  # whether a builder of a package was seen to construct something
        self.harmless: dict[tuple[str, str], bool] = {}

    def result(self, function: ast.FunctionDef, known: dict[str, Any]) -> str | None:
        """The class of this file that every live `return` of the function constructs."""
        return dict(self.results_of(function, known)).get("")

    def results_of(self, function: ast.FunctionDef, known: dict[str, Any]) -> Results:
        """What every live `return` of the function constructs, and where it is in what is returned."""
        key = (function.name, repr(sorted(known.items(), key=lambda item: item[0])))
        if key not in self.results:
            self.results[key] = ()  # a function that calls itself is none
            walk = _FunctionWalk(self, function, known)
            try:
                falls_through = walk.run()
            except _Refused:
                pass
            else:
                if not falls_through and len(walk.returned) == 1:
                    (self.results[key],) = walk.returned
        return self.results[key]

    def of(self, scope: Scope) -> _FactoryReader:
        """The reader of another file of the project."""
        return self.readers.get(id(scope)) or _FactoryReader(scope, self.readers)

    def is_harmless(
        self, function: ast.FunctionDef, known: dict[str, Any], owner: str = ""
    ) -> bool:
        """Whether the function does nothing but compute, whatever it returns."""
        key = (f"{owner}.{function.name}", repr(sorted(known.items(), key=lambda item: item[0])))
        if key not in self.harmless:
            self.harmless[key] = True  # recursion adds nothing
            try:
                _FunctionWalk(self, function, known, owner).run()
            except _Refused:
                self.harmless[key] = False
        return self.harmless[key]


class _FunctionWalk:
    """One pass through a function, in order, along the branches that are alive."""

    def __init__(
        self,
        reader: _FactoryReader,
        function: ast.FunctionDef,
        known: dict[str, Any],
        owner: str = "",
    ) -> None:
        self.reader, self.scope = reader, reader.scope
        self.function, self.owner = function, owner
        arguments = function.args
        names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        self.parameters = {argument.arg for argument in names}
        self.parameters |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
        self.start = _State({name: known[name] for name in known if name in self.parameters})
        self.returned: set[Results] = set()
        self.imports: dict[str, str] = {}  # by statements of the function itself
        self.assigned = {
            node.id
            for node in nodes_in(function)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        }

    def run(self) -> bool:
        """Walk the function; True if its end can be reached without a `return`."""
        return self.block(self.function.body, self.start)

    def block(self, body: list[ast.stmt], state: _State) -> bool:
        """Walk statements; False if none of them lets control through to the next."""
        return all(self.statement(statement, state) for statement in body)

    def statement(self, statement: ast.stmt, state: _State) -> bool:
        match statement:
            case ast.Return(value=value):
                if value is not None:
                    self.calls(value, state)
                self.returned.add(() if value is None else tuple(self.parts_made(value, state)))
                return False
            case ast.Raise():
                return False
            case ast.If(test=test, body=body, orelse=orelse):
                self.calls(test, state)
                value = _constant(test, state.known)
                if value is not _UNKNOWN:
                    return self.block(body if value else orelse, state)
                return self.branches(state, body, orelse)
            case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
                self.calls(iterable, state)
                self.forget(body, state)
                self.bind(target, None, state)
                self.block(body, state.copy())
                self.forget(body, state)
                return self.block(orelse, state)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                self.forget(body, state)
                arms = [handler.body for handler in handlers]
                alive = self.branches(state, [*body, *orelse], *arms)
                return self.block(finalbody, state) and alive
            case ast.Assign(targets=targets, value=value):
                self.calls(value, state)
                for target in targets:
                    self.bind(target, value, state)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.calls(value, state)
                    self.bind(target, value, state)
            case ast.AugAssign(target=target, value=value):
                self.calls(value, state)
                self.bind(target, None, state)
            case ast.Expr(value=value):
                self.calls(value, state)
            case ast.FunctionDef(name=name):
                # Run only if called; its body is judged as if it were.
                if statement.decorator_list:
                    raise _Refused
                inner = _FunctionWalk(self.reader, statement, {}, self.owner)
                inner.parameters |= self.parameters | self.assigned
                inner.start.local |= state.local
                inner.run()
                state.forget(name)
                state.local.add(name)
            case ast.Assert(test=test):
                self.calls(test, state)
            case ast.Pass() | ast.Break() | ast.Continue():
                pass
            case ast.ImportFrom() | ast.Import():
                for name, origin in imported_names(statement):
                    state.forget(name)
                    self.imports[name] = self.scope.absolute(origin)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        state.forget(target.id)
            case _:  # `with`, `while`, `global`, `match`, classes: not a plain factory
                raise _Refused
        return True

    def branches(self, state: _State, *bodies: list[ast.stmt]) -> bool:
        """Walk alternatives from one state and keep what all that come out agree on."""
        ends = []
        for body in bodies:
            end = state.copy()
            if self.block(body, end):
                ends.append(end)
        if not ends:
            return False
        first, *others = ends
        state.known = {
            name: value
            for name, value in first.known.items()
            if all(name in end.known and end.known[name] == value for end in others)
        }
        state.made = {
            name: value
            for name, value in first.made.items()
            if all(end.made.get(name) == value for end in others)
        }
        state.local = set.intersection(*(end.local for end in ends))
        return True

    def forget(self, body: list[ast.stmt], state: _State) -> None:
        for statement in body:
            for node in nodes_in(statement):
                if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                    state.forget(node.id)

    def bind(self, target: ast.expr, value: ast.expr | None, state: _State) -> None:
        match target:
            case ast.Name(id=name):
                constant = _UNKNOWN if value is None else self.constant(value, state)
                made = None if value is None else self.made(value, state)
                callable_ = value is not None and self.harmless_to_call(value, state)
                state.forget(name)
                if constant is not _UNKNOWN:
                    state.known[name] = constant
                if made is not None:
                    state.made[name] = made
                if callable_:
                    state.local.add(name)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for element in targets:
                    self.bind(element, None, state)
            case ast.Starred(value=inner):
                self.bind(inner, None, state)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                # A change of something that this function was given or made, not of the file.
                self.calls(target, state)
                root: ast.expr = inner
                while isinstance(root, (ast.Attribute, ast.Subscript)):
                    root = root.value
                if not isinstance(root, ast.Name) or not (
                    root.id in self.parameters or root.id in self.assigned
                ):
                    raise _Refused

    def constant(self, value: ast.expr, state: _State) -> Any:
        match value:
            # torchvision's `Weights.verify(weights)` gives None for None.
            case ast.Call(func=ast.Attribute(attr="verify"), args=[ast.Name(id=name)], keywords=[]):
                return None if state.known.get(name, _UNKNOWN) is None else _UNKNOWN
        return _constant(value, state.known)

    def harmless_to_call(self, value: ast.expr, state: _State) -> bool:
        match value:
            case ast.Call(func=function, args=[first, *_]):
                return self.scope.origin(function) == "functools.partial" and self.callable(
                    first, None, state
                )
            case ast.Lambda():
                return True
            case ast.Name() | ast.Attribute():
                return self.callable(value, None, state)
            case ast.IfExp(body=body, orelse=orelse):
                return self.harmless_to_call(body, state) and self.harmless_to_call(orelse, state)
        return False

    def parts_made(self, value: ast.expr, state: _State) -> Iterator[tuple[str, str]]:
        """The classes that the expression constructs, or the elements of the tuple or dictionary that it is."""
        parts: list[tuple[str, ast.expr]] = [("", value)]
        match value:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                fixed = itertools.takewhile(lambda one: not isinstance(one, ast.Starred), elements)
                parts = [(f"[{number}]", element) for number, element in enumerate(fixed)]
            case ast.Dict(keys=keys, values=elements):
                parts = [
                    (f"[{ast.unparse(key)}]", one)
                    for key, one in zip(keys, elements)
                    if isinstance(key, ast.Constant)
                ]
        for subscript, part in parts:
            made = self.made(part, state)
            if made is not None:
                yield subscript, made

    def made(self, value: ast.expr, state: _State) -> str | None:
        """The class of this file that the expression constructs."""
        match value:
            case ast.Name(id=name):
                return state.made.get(name)
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=[], keywords=[]) if (
                method in _RETURNS_SELF
            ):
                return self.made(inner, state)
            case ast.Call(func=ast.Name(id=name)) if not self.is_local(name):
                if name in self.scope.classes:
                    return name if self.scope.may_be_module(name) else None
                if name in self.scope.functions:
                    function = self.scope.functions[name]
                    if not _decorated_harmlessly(function.decorator_list):
                        return None
                    return self.reader.result(function, self.arguments(function, value, state))
                if name in self.scope.imports and _BUILDERS.fullmatch(self.scope.imports[name]):
                    return self.made_by_builder(value, state)
                if self.reader.imported and name in self.scope.imports:
                    return self.made_elsewhere(self.scope.imports[name])
        return None

    def made_by_builder(self, call: ast.Call, state: _State) -> str | None:
        """The class of this file that a builder of a package is passed, with the weights off."""
        match call.args:
            case [ast.Name(id=name), _, weights, *_] if name in self.scope.classes:
                self.reader.by_builder = True
                return None if _constant(weights, state.known) else name
        return None

    def made_elsewhere(self, origin: str) -> str | None:
        """The class of another file of the project that a name of this file stands for."""
        located = self.scope.project.locate(origin) if self.scope.project else None
        if located is None:
            return None
        scope, name = located
        return name if name in scope.classes and scope.may_be_module(name) else None

    def is_local(self, name: str) -> bool:
        return name in self.parameters or name in self.assigned

    def arguments(
        self, function: ast.FunctionDef, call: ast.Call, state: _State, *, skip_self: bool = False
    ) -> dict[str, Any]:
        """What is known of the parameters of a function of this file in a call of it."""
        parameters = [*function.args.posonlyargs, *function.args.args][skip_self:]
        offset = len(parameters) - len(function.args.defaults)
        given: dict[str, Any] = {}
        for index, usual in enumerate(function.args.defaults):
            if index + offset >= 0:
                given[parameters[index + offset].arg] = _constant(usual, {})
        for parameter, default in zip(function.args.kwonlyargs, function.args.kw_defaults):
            given[parameter.arg] = _UNKNOWN if default is None else _constant(default, {})
        if any(keyword.arg is None for keyword in call.keywords):
            # `**kwargs` of a function called without keywords is empty, but may have grown.
            given = {name: value for name, value in given.items() if WEIGHTS.fullmatch(name)}
        for index, argument in enumerate(call.args):
            if isinstance(argument, ast.Starred):
                given = {}
                break
            if index < len(parameters):
                given[parameters[index].arg] = _constant(argument, state.known)
        for keyword in call.keywords:
            if keyword.arg is not None:
                given[keyword.arg] = _constant(keyword.value, state.known)
        return {name: value for name, value in given.items() if value is not _UNKNOWN}

    def calls(self, expression: ast.expr, state: _State) -> None:
        """Refuse unless every call in the expression is known to do no more than compute."""
        for node in nodes_in(expression):
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
                raise _Refused
            if isinstance(node, ast.Call) and not self.callable(node.func, node, state):
                raise _Refused

    def callable(self, function: ast.expr, call: ast.Call | None, state: _State) -> bool:
        if call is not None:
            for keyword in call.keywords:
                if keyword.arg and WEIGHTS.fullmatch(keyword.arg):
                    value = _constant(keyword.value, state.known)
                    if value is _UNKNOWN or value:
                        if self.loads(function):
                            return False
        match function:
            case ast.Name(id="cls") if self.owner and "cls" in self.parameters:
                return self.constructs_harmlessly(self.owner)
            case ast.Name(id=name) if self.is_local(name):
                return name in state.local
            case ast.Name(id=name):
                return self.callable_name(name, function, call, state)
            case ast.Attribute(attr="verify"):  # of torchvision's weights, a look-up
                return True
            case ast.Attribute(value=value, attr=method):
                origin = self.scope.origin(function)
                if origin is not None and not (
                    isinstance(value, ast.Name) and self.is_local(value.id)
                ):
                    return self.imported(origin, call, state)
                return self.method(value, method, call, state)
        return False

    def loads(self, function: ast.expr) -> bool:
        """Whether weights passed to this callable may be fetched: not by a class of this file."""
        return not (isinstance(function, ast.Name) and function.id in self.scope.classes)

    def callable_name(
        self, name: str, function: ast.Name, call: ast.Call | None, state: _State
    ) -> bool:
        scope = self.scope
        if name in self.imports:
            return self.imported(self.imports[name], call, state)
        if name in scope.functions:
            target = scope.functions[name]
            if not _decorated_harmlessly(target.decorator_list):
                return False
            known = {} if call is None else self.arguments(target, call, state)
            return self.reader.is_harmless(target, known)
        if name in scope.classes:
            return self.constructs_harmlessly(name)
        if name in scope.imports:
            return self.imported(scope.imports[name], call, state)
        if name in scope.constants:
            return self.harmless_to_call(scope.constants[name], _State({}))
        return name in _PURE_BUILTINS or name in _ERRORS

    def imported(self, origin: str, call: ast.Call | None, state: _State) -> bool:
        # A class of another file is constructed; a function of another file may do anything.
        if _PURE_ORIGINS.fullmatch(origin) is not None:
            return True
        last = split_origin(origin)[1]
        if last.lstrip("_")[:1].isupper() and not last.isupper():
            return True
        located = self.scope.project.locate(origin) if self.scope.project else None
        if located is None:
            return False
        scope, name = located
        function = scope.functions.get(name)
        if function is None or not _decorated_harmlessly(function.decorator_list):
            return False
        known = {} if call is None else self.arguments(function, call, state)
        return self.reader.of(scope).is_harmless(function, known)

    def constructs_harmlessly(self, class_name: str) -> bool:
        if self.scope.may_be_module(class_name):
            return True  # what is built is what the caller asked for
        method = self.scope.method(class_name, "__init__")
        return method is None or self.reader.is_harmless(method[1], {}, method[0])

    def method(self, value: ast.expr, method: str, call: ast.Call | None, state: _State) -> bool:
        if method in _PURE_METHODS or _INITIALISE.fullmatch(method):
            return True
        match value:
            case ast.Name(id=name) if name in _LOGGERS:
                return method in _LOG_METHODS
            case ast.Name(id=name) if name in self.scope.classes:
                found = self.scope.method(name, method)
                return found is not None and self.reader.is_harmless(found[1], {}, found[0])
            case ast.Name(id=("self" | "cls")) if self.owner:
                found = self.scope.method(self.owner, method)
                return found is not None and self.reader.is_harmless(found[1], {}, found[0])
        return False
