"""Every use of a layer in the source of its class, executed or not.

A block that is put at one use and not at
another can pass every naive check and never train, so each use is listed and classified, and
the caller splices or refuses them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stitchgen.analysis.scope import Function, Scope, read_scope, with_class
from stitchgen.analysis.spans import Lines
from stitchgen.source.tree import imported_names, nodes_in, parents

#: Functions of torch that change a layer's parameters or set them, and never call it.
NEVER_CALL = ("torch.nn.utils.", "torch.nn.init.", "torch.nn.parametrizations.")

#: Methods of a module that run it.
RUNS = ("forward", "__call__")

Kind = Literal[
    "call",  # self.l(x): span of the call
    "forward-call",  # self.l.forward(x), self.l.__call__(x): span of the call
    "slice-call",  # self.l[:4](x): span of the call
    "passed",  # checkpoint(self.l, x), map(self.l, xs): span of self.l, `call` is that call
    "weight",  # self.l.weight, outside of initialisation: span of self.l.weight
    "attribute",  # self.l.out_channels, self.l.eval(), for m in self.l: m.eval(): harmless
    "child",  # self.l.conv(x): a module below the layer, not the layer
    "none-test",  # self.l is None, if self.l, hasattr(self, "l")
    "isinstance",
    "iteration",  # for m in self.l, [m(x) for m in self.l], enumerate(self.l), self.children()
    "index",  # self.l[i], self.l[:4]: span of the subscript
    "definition",  # self.l = ..., setattr(self, "l", ...), self.l.append(...): of the statement
    "init",  # any harmless use inside `__init__` or a method called init_weights and the like
    "getattr",  # getattr(self, name) that may mean the layer and cannot be read
    "other",  # bound to another name, returned, stored, deleted
]


@dataclass(frozen=True)
class Use:
    """One place in a class where a layer, or a module around or below it, is mentioned."""

    kind: Kind
    span: tuple[int, int]
    line: int
    function: str  # qualified name in the file: `ResNet._forward_impl`
    path: str  # what is mentioned: `features` or `features.3`; `features.*` where unreadable
    detail: str | None = None  # the attribute, the function it is passed to, the name bound
    call: tuple[int, int] | None = None  # for `passed`: the call that takes it


#: Attributes that hold parameters and statistics.
_WEIGHT = re.compile(
    r"(weight|bias)(_(v|g|orig|mask|ih|hh|[ihqkv]\w*))?\w*|running_(mean|var)|in_proj_\w+|alpha"
)
_INITIALISER = re.compile(r"__init__|_*(init|reset|initiali[sz]e|zero_init)(_|$)\w*|_*\w*_init")
_ITERATORS = frozenset(
    {"enumerate", "zip", "reversed", "iter", "list", "tuple", "sorted", "next"}
    | {"reduce", "chain", "islice", "filter"}
)
_CHILDREN = frozenset({"children", "named_children", "items", "values", "keys"})
_GROWS = frozenset({"append", "insert", "extend", "add_module", "register_module", "update", "pop"})


def layer_uses(tree: ast.Module, text: str, class_name: str, attribute_path: str) -> list[Use]:
    """The uses of `self.<attribute_path>` in a class and in its bases in the file, in order.

    Uses of a module around the layer (`self.features(x)` for `features.3`) are among them, with
    their own `path`, and so are those that may mean the layer (`self.features[i]`). A method of
    a base that a derived class overrides and never reaches by `super()` is left out.
    """
    return UsesReader(tree, text).uses(class_name, attribute_path)


class UsesReader:
    """Reads the uses of many layers of one file."""

    def __init__(self, tree: ast.Module, text: str, scope: Scope | None = None) -> None:
        self.scope = scope or read_scope(tree)
        self.above, self.lines = parents(tree), Lines(text)
        self._mentions: dict[str, list[tuple[_Walk, ast.Name]]] = {}

    def uses(self, class_name: str, attribute_path: str) -> list[Use]:
        scope = with_class(self.scope, class_name)
        target = attribute_path.split(".")
        found: dict[tuple[int, int, str], Use] = {}
        if class_name not in self._mentions:
            self._mentions[class_name] = [
                mention
                for method in _reachable_methods(scope, class_name)
                for mention in _mentions(method, self.above, self.lines)
            ]
        for walk, node in self._mentions[class_name]:
            use = walk.use(node, target)
            if use is not None:
                found.setdefault((*use.span, use.kind), use)
        return sorted(found.values(), key=lambda use: use.span)


def _reachable_methods(scope: Scope, class_name: str) -> Iterator[Function]:
    taken: set[str] = set()
    through_super: set[str] = set()
    for name in scope.bases(class_name):
        own: set[str] = set()
        for item in scope.classes[name].body:
            if not isinstance(item, Function):
                continue
            if item.name in taken and item.name not in through_super:
                continue
            own.add(item.name)
            yield item
            for node in nodes_in(item):
                match node:
                    case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=attribute):
                        through_super.add(attribute)
                    case ast.Attribute(value=ast.Name(id=base), attr=attribute) if (
                        base in scope.classes
                    ):
                        through_super.add(attribute)  # Base.forward(self, x)
        taken |= own


def _mentions(
    method: Function, above: Mapping[ast.AST, ast.AST], lines: Lines
) -> Iterator[tuple[_Walk, ast.Name]]:
    """The mentions of `self` in a method."""
    parameters = [*method.args.posonlyargs, *method.args.args]
    static = any(
        isinstance(decorator, ast.Name) and decorator.id in {"staticmethod", "classmethod"}
        for decorator in method.decorator_list
    )
    if not parameters or static:
        return
    walk = _Walk(parameters[0].arg, above, lines)
    for node in nodes_in(method):
        if isinstance(node, ast.Name) and node.id == walk.self_name:
            yield walk, node


class _Walk:
    """Finds what one mention of `self` reaches, and what is done with it."""

    def __init__(self, self_name: str, above: Mapping[ast.AST, ast.AST], lines: Lines) -> None:
        self.self_name, self.above, self.lines = self_name, above, lines
        self.target: list[str] = []

    def use(self, node: ast.Name, target: list[str]) -> Use | None:
        self.target = target
        parent = self.above[node]
        match parent:
            case ast.Attribute(attr=("_modules" | "__dict__")):
                around = self.above[parent]
                if isinstance(around, ast.Subscript) and around.value is parent:
                    return self.named("getattr", around, around.slice, parent.attr)
                return self.make("iteration", parent, ["*"], parent.attr)
            case ast.Attribute(attr=("children" | "named_children")):
                return self.make("iteration", parent, ["*"], parent.attr)
            case ast.Attribute(attr=("add_module" | "register_module")):
                call = self.above[parent]
                if isinstance(call, ast.Call) and call.func is parent and call.args:
                    return self.named("definition", call, call.args[0], parent.attr)
                return self.make("other", parent, ["*"], parent.attr)
            case ast.Attribute(attr="get_submodule"):
                call = self.above[parent]
                if isinstance(call, ast.Call) and call.func is parent and call.args:
                    return self.named("getattr", call, call.args[0], parent.attr)
                return self.make("getattr", parent, ["*"], parent.attr)
            case ast.Attribute():
                return self.reach(parent, [parent.attr])
            case ast.Call(func=ast.Name(id=function), args=[first, name, *_]) if first is node:
                if function == "getattr":
                    read = _name_parts(name)
                    if isinstance(name, ast.Constant) and len(read) == 1 and read[0] is not None:
                        return self.reach(parent, [read[0]])
                    return self.named("getattr", parent, name, "getattr")
                if function == "setattr":
                    return self.named("definition", parent, name, "setattr")
                if function == "hasattr":
                    return self.named("none-test", parent, name, "hasattr")
                if function == "delattr":
                    return self.named("other", parent, name, "delattr")
        return None

    def named(self, kind: Kind, node: ast.expr, name: ast.expr, detail: str) -> Use | None:
        """A use whose attribute is named by an expression, such as `f"layer{i}"`."""
        parts = _name_parts(name)
        if isinstance(name, ast.Constant):
            if parts != [self.target[0]] and parts != [".".join(self.target)]:
                return None
            return self.make(kind, node, str(name.value).split("."), detail)
        pattern = "".join(".*" if part is None else re.escape(part) for part in parts)
        if not re.fullmatch(pattern, self.target[0]):
            return None
        return self.make(kind, node, ["*"], detail)

    def reach(self, node: ast.expr, path: list[str]) -> Use | None:
        """Follow `self.a.b[3]` outwards as far as the target goes, then classify."""
        if path[-1] != self.target[len(path) - 1]:
            return None
        parent = self.above[node]
        if len(path) < len(self.target):
            match parent:
                case ast.Attribute(attr=name) if parent.value is node:
                    if name == self.target[len(path)]:
                        return self.reach(parent, [*path, name])
                    grandparent = self.above[parent]
                    called = isinstance(grandparent, ast.Call) and grandparent.func is parent
                    if (not called and not _WEIGHT.fullmatch(name)) or name.isdecimal():
                        return None  # another attribute, or a step to another child
                case ast.Subscript(slice=index) if parent.value is node:
                    step = _index(index)
                    if step is not None:
                        return self.reach(parent, [*path, step])
                    around = self.above[parent]
                    if isinstance(index, ast.Slice) and isinstance(around, ast.Call):
                        if around.func is parent:
                            return self.make("slice-call", around, path)
                    return self.classify(parent, [*path, "*"], "index")
        return self.classify(node, path)

    def classify(self, node: ast.expr, path: list[str], kind: Kind | None = None) -> Use | None:
        parent = self.above[node]
        context = getattr(node, "ctx", None)
        if isinstance(context, ast.Store):
            return self.make("definition", self.statement(node), path)
        if isinstance(context, ast.Del):
            return self.make("other", node, path, "del")
        if kind is not None:
            return self.make(kind, node, path)
        match parent:
            case ast.Call(func=function) if function is node:
                return self.make("call", parent, path)
            case ast.Attribute(value=value, attr=name) if value is node:
                return self.attribute(parent, path, name)
            case ast.Subscript(value=value) if value is node:
                return self.make("index", parent, path)
            case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq()]) if any(
                isinstance(side, ast.Constant) for side in (parent.left, *parent.comparators)
            ):
                return self.make("none-test", parent, path)
            case ast.UnaryOp(op=ast.Not()):
                return self.make("none-test", parent, path)
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if test is node:
                return self.make("none-test", node, path)
            case ast.Assert(test=test) if test is node:
                return self.make("none-test", node, path)
            case ast.BoolOp(values=values) if node is not values[-1] or self.is_test(parent):
                return self.make("none-test", node, path)
            case ast.For(iter=iterable) | ast.comprehension(iter=iterable) if iterable is node:
                return self.make("iteration", node, path)
            case ast.Starred():
                return self.make("iteration", node, path, "*")
            case ast.Call(func=function):
                return self.passed(node, parent, path)
            case ast.keyword():
                call = self.above[parent]
                if isinstance(call, ast.Call):
                    return self.passed(node, call, path)
            case ast.Assign(targets=[ast.Name(id=name)]):
                return self.make("other", node, path, f"bound to {name}")
            case ast.Expr():
                return None
        return self.make("other", node, path)

    def is_test(self, node: ast.expr) -> bool:
        parent = self.above[node]
        return isinstance(parent, (ast.If, ast.IfExp, ast.While)) and parent.test is node

    def attribute(self, node: ast.Attribute, path: list[str], name: str) -> Use:
        parent = self.above[node]
        called = isinstance(parent, ast.Call) and parent.func is node
        if not isinstance(node.ctx, ast.Load):
            return self.make("other", node, path, f"sets {name}")
        if name in RUNS:
            if called:
                return self.make("forward-call", parent, path)
            return self.make("other", node, path, name)
        if _WEIGHT.fullmatch(name):
            asked = isinstance(parent, ast.Attribute) and parent.attr in _FACTS
            return self.make("attribute" if asked else "weight", node, path, name)
        if name == "_modules" or (name in _CHILDREN and called):
            return self.make("iteration", node, path, name)
        if called and name in _GROWS:
            return self.make("definition", self.statement(node), path, name)
        if called and isinstance(self.above[parent], (ast.Expr, ast.Assign, ast.Return)):
            if name in _HARMLESS_METHODS or _INITIALISER.fullmatch(name):
                return self.make("attribute", node, path, name)
        if called and name not in _HARMLESS_METHODS:
            return self.make("child", parent, path, name)
        return self.make("attribute", node, path, name)

    def passed(self, node: ast.expr, call: ast.Call, path: list[str]) -> Use:
        match call.func:
            case ast.Name(id="isinstance") | ast.Name(id="issubclass"):
                return self.make("isinstance", call, path)
            case ast.Name(id=("len" | "id" | "type" | "repr" | "str" | "print" | "bool")):
                return self.make("attribute", call, path, ast.unparse(call.func))
            case ast.Name(id=("getattr" | "hasattr" | "setattr")) if call.args[0] is node:
                return self.make("attribute", call, path, ast.unparse(call.func))
            case ast.Name(id=name) | ast.Attribute(
                value=ast.Name(id="functools" | "itertools"), attr=name
            ) if name in _ITERATORS or (name == "map" and call.args[0] is not node):
                return self.make("iteration", node, path, name)
            case ast.Name(id=name) if self.only_asks(name, node, call):
                return self.make("none-test", call, path, name)
        detail = ast.unparse(call.func)
        if self.origin_of(detail).startswith(NEVER_CALL):
            return self.make("attribute", call, path, detail)
        if self.is_only_asked(call):
            return self.make("attribute", call, path, detail)
        return self.make("passed", node, path, detail, self.lines.span(call))

    def is_only_asked(self, call: ast.Call) -> bool:
        """Whether a container is made for what it has, and never run:

        own = nn.Sequential(self.stem, self.body)
        own.load_state_dict(weights)
        """
        match self.above[call]:
            case ast.Assign(targets=[ast.Name(id=name)]) if ends_with(call.func, _CONTAINERS):
                function: ast.AST = call
                while not isinstance(function, (ast.FunctionDef, ast.Module)):
                    function = self.above[function]
                used = [
                    self.above[one]
                    for one in nodes_in(function)
                    if isinstance(one, ast.Name)
                    and one.id == name
                    and isinstance(one.ctx, ast.Load)
                ]
                return all(isinstance(one, ast.Attribute) and one.attr in _STATE for one in used)
        return False

    def origin_of(self, called: str) -> str:
        """`torch.nn.utils.remove_weight_norm`, by the imports of the file; the name itself where there is none."""
        first, dot, rest = called.partition(".")
        for node in self.module.body:
            for bound, origin in imported_names(node):
                if bound == first:
                    return origin + dot + rest
        return called

    @cached_property
    def module(self) -> ast.Module:
        top: ast.AST = next(iter(self.above))
        while not isinstance(top, ast.Module):
            top = self.above[top]
        return top

    def only_asks(self, name: str, node: ast.expr, call: ast.Call) -> bool:
        """Whether a function of the file does no more with its argument than ask what it is:
        `def exists(x): return x is not None`."""
        for function in self.module.body:
            if isinstance(function, ast.FunctionDef) and function.name == name:
                break
        else:
            return False
        if node not in call.args or call.args.index(node) >= len(function.args.args):
            return False
        parameter = function.args.args[call.args.index(node)].arg
        for part in nodes_in(function):
            if isinstance(part, ast.Name) and part.id == parameter:
                match self.above[part]:
                    case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                        pass
                    case ast.Call(func=ast.Name(id="isinstance" | "callable" | "hasattr")):
                        pass
                    case _:
                        return False
        return True

    def statement(self, node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.stmt):
            node = self.above[node]
        return node

    def make(
        self,
        kind: Kind,
        node: ast.AST,
        path: list[str],
        detail: str | None = None,
        call: tuple[int, int] | None = None,
    ) -> Use:
        function = self.qualified(node)
        line: int = getattr(node, "lineno", 0)
        if kind == "iteration" and self.configures(node):
            kind = "attribute"
        if kind in {"passed", "other"} and self.rebinds(node, path):
            kind = "definition"  # of `self.l = Scale(0.5, self.l)`, the layer is the new one
        if kind in {"passed", "weight", "attribute", "isinstance", "iteration", "other"}:
            # Setting start values is no use of the layer's result. Its own call would be.
            if _INITIALISER.fullmatch(function.split(".")[-1]) and not self.keeps(node, kind):
                kind = "init"
        return Use(kind, self.lines.span(node), line, function, ".".join(path), detail, call)

    def rebinds(self, node: ast.AST, path: list[str]) -> bool:
        """Whether the statement gives the attribute that it reads a new value."""
        statement = self.statement(node)
        return isinstance(statement, ast.Assign) and any(
            ast.unparse(target) == f"{self.self_name}.{path[0]}" for target in statement.targets
        )

    def configures(self, node: ast.AST) -> bool:
        """Whether the loop that goes through the layers only sets them up: `layer.train(mode)`."""
        loop, inner = self.above[node], node
        while isinstance(loop, (ast.Call, ast.Attribute)):
            loop, inner = self.above[loop], loop
        if not (isinstance(loop, ast.For) and loop.iter is inner):
            return False
        names = {part.id for part in nodes_in(loop.target) if isinstance(part, ast.Name)}
        for statement in loop.body:
            for part in nodes_in(statement):
                if not (isinstance(part, ast.Name) and part.id in names):
                    continue
                match self.above[part]:
                    case ast.Attribute(attr=attribute, ctx=context):
                        if isinstance(context, ast.Load) and attribute not in _HARMLESS_METHODS:
                            return False
                    case ast.Compare() | ast.Call(
                        func=ast.Name(id="isinstance" | "hasattr" | "type" | "print")
                    ):
                        pass
                    case _:
                        return False
        return True

    def keeps(self, node: ast.AST, kind: Kind) -> bool:
        """Whether an initialiser binds the layer itself to a second name or attribute."""
        parent = self.above[node]
        if kind == "other":
            return isinstance(parent, (ast.Assign, ast.AnnAssign, ast.List, ast.Tuple, ast.Dict))
        if kind == "passed":
            statement = self.statement(node)
            return isinstance(statement, (ast.Assign, ast.AnnAssign)) and "init" not in ast.unparse(
                statement.value or ast.Constant(None)
            )
        return False

    def qualified(self, node: ast.AST) -> str:
        names: list[str] = []
        while not isinstance(node, ast.Module):
            if isinstance(node, (*_NAMED,)):
                names.append(node.name)
                if not isinstance(node, ast.ClassDef):
                    outer = self.above[node]
                    if isinstance(outer, Function):
                        names.append("<locals>")
            elif isinstance(node, ast.Lambda):
                names += ["<lambda>", "<locals>"]
            node = self.above[node]
        return ".".join(reversed(names))


#: What is asked of a weight without computing with it.
_FACTS = frozenset(
    {"dtype", "device", "shape", "ndim", "size", "dim", "numel", "requires_grad", "is_cuda"}
)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HARMLESS_METHODS = frozenset(
    "eval train to cpu cuda half float double bfloat16 type parameters named_parameters buffers "
    "named_buffers modules named_modules state_dict load_state_dict requires_grad_ zero_grad "
    "apply register_forward_hook register_forward_pre_hook register_full_backward_hook "
    "get_submodule extra_repr share_memory compile".split()
)
#: What of a container tells of its parameters, and gives no module back.
_STATE = frozenset(
    "state_dict load_state_dict parameters named_parameters buffers named_buffers zero_grad".split()
)
_CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})


def ends_with(function: ast.expr, names: frozenset[str]) -> bool:
    return ast.unparse(function).rpartition(".")[2] in names


def _name_parts(name: ast.expr) -> list[str | None]:
    """The constant parts of a name that is computed; None for what cannot be read."""
    match name:
        case ast.Constant(value=str() as value):
            return [value]
        case ast.JoinedStr(values=values):
            parts: list[str | None] = []
            for part in values:
                parts += _name_parts(part) if isinstance(part, ast.Constant) else [None]
            return parts
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_name_parts(left), *_name_parts(right)]
        case ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Mod()):
            return _template_parts(r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]", text)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="format")):
            return _template_parts(r"\{[^{}]*\}", text)
    return [None]


def _template_parts(pattern: str, text: str) -> list[str | None]:
    parts: list[str | None] = []
    for index, piece in enumerate(re.split(pattern, text)):
        if index:
            parts.append(None)
        parts.append(piece)
    return parts


def _index(index: ast.expr) -> str | None:
    """The name of the child that a constant index means; negative ones cannot be determined."""
    match index:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | str() as value):
            return str(value)
    return None
