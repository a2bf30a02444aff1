"""The laws: every splice that breaks one is caught with that law, every right splice passes.

A case is one small model class; built with `spliced=True` it is the edited model. The cases that
look alike stand together: one of them wrong, the other right.
"""

import random
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from stitchgen.observer.checks.failed import CheckFailed  # noqa: E402
from stitchgen.observer.proof import prove  # noqa: E402

CHANNELS = 8
Pair = namedtuple("Pair", "first second")


class Gate(nn.Module):
    """Squeeze and excitation: a block as they come."""

    def __init__(self, channels=CHANNELS, hidden=4):
        super().__init__()
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class Net(nn.Module):
    """stem, layer, head; a case overrides what it is about."""

    block = Gate

    def __init__(self, spliced):
        super().__init__()
        self.spliced = spliced
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.define()
        self.later = nn.BatchNorm2d(CHANNELS)
        self.head = nn.Linear(CHANNELS, 5)

    def define(self):
        if self.spliced:
            self.layer_gate = self.block()

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = self.middle(x)
        return self.tail(x)

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            x = self.layer_gate(x)
        return x

    def tail(self, x):
        return self.head(F.relu(self.later(x)).mean((2, 3)))


def images(index):
    generator = torch.Generator().manual_seed(1000 + index)
    return (torch.randn(2, 3, 8, 8, generator=generator),), {}


def splice(**changes):
    given = {"placement": "after", "target": "layer", "block": "layer_gate"}
    return dict({"calls": None, "element": None}, **dict(given, **changes))


def proof(case, seed=0):
    """Prove a case: the two models are built as the observer builds them, from one seed."""
    models = []
    for spliced in (False, True):
        torch.manual_seed(7)
        random.seed(7)
        models.append(case(spliced))
    if getattr(case, "ran", False):  # as it is where its input was looked for
        models[0].eval()(*images(0)[0])
    splices = getattr(case, "splices", None) or [splice(**getattr(case, "splice", {}))]
    return prove(models[0], models[1], splices, getattr(case, "inputs", images), seed)


WRONG = []
RIGHT = []


def breaks(law, mode=None, saying=""):
    def register(case):
        WRONG.append(pytest.param(case, law, mode, saying, id=_sentence(law, case)))
        return case

    return register


def holds(case):
    RIGHT.append(pytest.param(case, id=" ".join((case.__doc__ or case.__name__).split())))
    return case


def _sentence(law, case):
    return law + ": " + " ".join((case.__doc__ or case.__name__).split())


# --- builds --------------------------------------------------------------------------------------


@breaks("builds", "eval", "RuntimeError")
class _(Net):
    """what follows does not take the block's output"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.wider = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1)

        def forward(self, x):
            return self.wider(x)


@breaks("builds", "train", "only in train")
class _(Net):
    """the edited forward fails in train"""

    def middle(self, x):
        if self.spliced and self.training:
            raise ValueError("only in train")
        return super().middle(x)


@breaks("builds", None, "has no module layer_gate")
class _(Net):
    """the block was never defined"""

    def define(self):
        pass

    def middle(self, x):
        return self.layer(x)


# --- keys ----------------------------------------------------------------------------------------


@breaks("keys", None, "layer.weight of the old state_dict is lost")
class _(Net):
    """the layer was wrapped in a Sequential"""

    def define(self):
        if self.spliced:
            super().define()
            self.stage = nn.Sequential(self.layer, self.layer_gate)
            del self.layer
            # The path is there still, as a name that no module is registered under.
            self._modules["layer"] = self.stage

    def middle(self, x):
        return self.stage(x) if self.spliced else self.layer(x)


@breaks("keys", None, "had the shape")
class _(Net):
    """an old key changes its shape"""

    def define(self):
        super().define()
        self.scale = nn.Parameter(torch.ones(1, 1, 1) if self.spliced else torch.ones(1))

    def middle(self, x):
        return super().middle(x) * self.scale


@breaks("keys", None, "features.1.weight of the old state_dict is lost")
class _(Net):
    """an element inserted in a Sequential shifts the keys behind it"""

    splice = {"target": "features.0", "block": "features.1"}

    def define(self):
        self.features = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 1), nn.BatchNorm2d(CHANNELS))
        if self.spliced:
            self.features.insert(1, Gate())

    def middle(self, x):
        return self.features(self.layer(x))


@breaks("keys", None, "belongs to a block")
class _(Net):
    """old weights would load into the block that took an index"""

    splice = {"target": "features.0", "block": "features.1"}

    def define(self):
        self.features = nn.Sequential(*[nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(2)])
        if self.spliced:
            self.features.insert(1, nn.Conv2d(CHANNELS, CHANNELS, 1))
            self.features[1].also = self.features[2]
            del self.features[2]

    def middle(self, x):
        if self.spliced:
            x = self.features[1].also(self.features[1](self.features[0](x)))
            return x
        return self.features(x)


@breaks("keys", None, "does not belong to a block")
class _(Net):
    """a parameter that is not the block's came along"""

    def define(self):
        super().define()
        if self.spliced:
            self.stray = nn.Parameter(torch.zeros(3))


@breaks("keys", None, "tied weights")
class _(Net):
    """tied weights come apart"""

    def define(self):
        super().define()
        self.twin = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.twin.weight = (
            nn.Parameter(self.layer.weight.detach()) if self.spliced else self.layer.weight
        )

    def middle(self, x):
        return self.twin(super().middle(x))


@breaks("keys", None, "lacks layer")
class _(Net):
    """a configuration without the layer gets dead parameters"""

    splice = {"absent": True}

    def middle(self, x):
        return x


# --- position ------------------------------------------------------------------------------------


@breaks("position", "train", "layer_gate was called 0 times in train, layer once")
class _(Net):
    """the block runs in eval only"""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x) if self.spliced and not self.training else x


@breaks("position", "eval", "layer_gate was called 0 times in eval, layer once")
class _(Net):
    """the block runs in train only"""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x) if self.spliced and self.training else x


@breaks("position", "train", "0 times in train")
class _(Net):
    """the checkpointed branch of training goes without the block"""

    def middle(self, x):
        if self.training:
            return checkpoint(self.layer, x, use_reentrant=False)
        return super().middle(x)


@breaks("position", "eval", "2 times")
class _(Net):
    """the block is fed right, but twice"""

    def middle(self, x):
        x = self.layer(x)
        return (self.layer_gate(x) + self.layer_gate(x)) / 2 if self.spliced else x


@breaks("position", "eval", "2 times")
class _(Net):
    """the block runs on its own output once more"""

    def middle(self, x):
        x = super().middle(x)
        return self.layer_gate(x) if self.spliced else x


@breaks("position", "eval", "once in eval, layer 3 times")
class _(Net):
    """a layer called in a loop, the block after the loop"""

    def middle(self, x):
        for _ in range(3):
            x = self.layer(x)
        return self.layer_gate(x) if self.spliced else x


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block is fed the layer's input"""

    def middle(self, x):
        y = self.layer(x)
        return y + self.layer_gate(x) - x if self.spliced else y


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block is fed a stale tensor"""

    def middle(self, x):
        outputs = [self.layer(x), self.layer(x + 1)]
        if self.spliced:
            stale = outputs[0]
            outputs = [self.layer_gate(outputs[0]), self.layer_gate(stale) - stale + outputs[1]]
        return outputs[0] + outputs[1]


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """two calls are swapped"""

    def middle(self, x):
        a, b = self.layer(x), self.layer(-x)
        if self.spliced:
            b, a = self.layer_gate(b), self.layer_gate(a)
        return a - 2 * b


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block is fed what an in-place operation left of the output"""

    def middle(self, x):
        x = self.layer(x)
        x.relu_()
        return self.layer_gate(x) if self.spliced else x


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block stands after the norm that follows the layer"""

    def tail(self, x):
        x = self.later(x)
        if self.spliced:
            x = self.layer_gate(x)
        return self.head(F.relu(x).mean((2, 3)))

    def middle(self, x):
        return self.layer(x)


class Branches(Net):
    """Runs the children of a ModuleDict in turn."""

    splice = {"target": "branches.a", "block": "branches.a_gate"}

    def define(self):
        self.branches = nn.ModuleDict(
            OrderedDict((name, nn.Conv2d(CHANNELS, CHANNELS, 1)) for name in "ab")
        )
        if self.spliced:
            self.branches["a_gate"] = Gate()

    def middle(self, x):
        for branch in self.branches.values():
            x = branch(x)
        return x


@breaks("position", "eval", "branches.a_gate is not fed what branches.a gave")
class _(Branches):
    """a child added to a ModuleDict that is iterated runs as one more branch"""


@breaks("position", "eval", "branches.a_gate was called 2 times")
class _(Branches):
    """a child added to a ModuleDict that is iterated runs there as well as where it should"""

    def middle(self, x):
        outputs = {}
        for name, branch in self.branches.items():
            outputs[name] = branch(x)
        a = outputs["a"]
        return outputs["b"] + (self.branches["a_gate"](a) if self.spliced else a)


@breaks("position", "eval", "not fed what layer was fed")
class _(Net):
    """before: the block is fed something else than the layer was"""

    splice = {"placement": "before"}

    def middle(self, x):
        return self.layer(self.layer_gate(x.clone().mul_(2)) / 2 if self.spliced else x)


@breaks("position", "eval", "layer is not fed what layer_gate gave")
class _(Net):
    """before: the layer is not fed the block's output as it is"""

    splice = {"placement": "before"}

    def middle(self, x):
        if self.spliced:
            # As identity the block leaves x, so nothing else shows it.
            y = self.layer_gate(x)
            return self.layer(y if y is x else (x + y) / 2)
        return self.layer(x)


@breaks("position", "train", "the new layer was called 2 times in train, layer once")
class _(Net):
    """replace: the new module runs once more in train"""

    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def middle(self, x):
        if self.training and self.spliced:
            self.layer(x)
        return self.layer(x)


@breaks("position", None, "neither in eval nor in train")
class _(Net):
    """the layer is never called"""

    def middle(self, x):
        return x


@breaks("position", None, "no call number 2")
class _(Net):
    """the call that was named does not exist"""

    splice = {"calls": [2]}

    def middle(self, x):
        return self.layer(x)


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block goes with another call than the one named"""

    splice = {"calls": [2]}

    def middle(self, x):
        a = self.layer(x)
        if self.spliced:
            a = self.layer_gate(a)
        return self.layer(a)


@breaks("position", "eval", "not fed what layer gave")
class _(Net):
    """the block is fed the wrong element of a tuple"""

    splice = {"element": 0}

    class Two(nn.Conv2d):
        def forward(self, x):
            y = super().forward(x)
            return y, y * 2

    def define(self):
        self.layer = self.Two(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        a, b = self.layer(x)
        if self.spliced:
            b = self.layer_gate(b)
        return a + b


# --- elsewhere -----------------------------------------------------------------------------------


@breaks("elsewhere", "eval", "differs")
class _(Net):
    """the edit changed something after the block"""

    def tail(self, x):
        return super().tail(x * (1.001 if self.spliced else 1.0))


@breaks("elsewhere", "train", "differs")
class _(Net):
    """the edit changed something before the block, in train"""

    def forward(self, x):
        return super().forward(x + 1 if self.spliced and self.training else x)


@breaks("elsewhere", "eval", "stem")
class _(Net):
    """before: the edit changed something further up"""

    splice = {"placement": "before"}

    def forward(self, x):
        return super().forward(x + 1 if self.spliced else x)

    def middle(self, x):
        return self.layer(self.layer_gate(x) if self.spliced else x)


@breaks("elsewhere", "eval", "a list with 3 entries, not a list with 2 entries")
class _(Branches):
    """a child added to a ModuleDict gives one more output"""

    def middle(self, x):
        a = self.branches["a"](x)
        if self.spliced:
            a = self.branches["a_gate"](a)
        return self.branches["b"](a)

    def forward(self, x):
        y = super().forward(x)
        return [y * index for index, _ in enumerate(self.branches)]


@breaks("elsewhere", "eval", "overwrites norm.running_mean")
class _(Net):
    """the block overwrites a buffer elsewhere"""

    class block(Gate):
        def forward(self, x):
            self.other[0].running_mean.mul_(0.5)
            return super().forward(x)

    def define(self):
        super().define()
        if self.spliced:
            self.layer_gate.other = [self.norm]


@breaks("elsewhere", "train", "later.weight")
class _(Net):
    """the block overwrites a parameter elsewhere, in train"""

    class block(Gate):
        def forward(self, x):
            if self.training:
                with torch.no_grad():
                    self.other[0].weight.add_(0.01)
            return super().forward(x)

    def define(self):
        super().define()

    def tail(self, x):
        if self.spliced and not hasattr(self.layer_gate, "other"):
            self.layer_gate.other = [self.later]
        return super().tail(x)

    def forward(self, x):
        if self.spliced:
            self.layer_gate.other = [self.later]
        return super().forward(x)


@breaks("elsewhere", "train", "norm.running_mean")
class _(Net):
    """statistics move twice in train"""

    def forward(self, x):
        if self.spliced and self.training:
            self.norm(self.stem(x))
        return super().forward(x)


@breaks("elsewhere", "train", "differs")
class _(Net):
    """the edit draws a random number, which shifts the next dropout"""

    def middle(self, x):
        x = super().middle(x)
        if self.spliced:
            torch.rand(1)
        return F.dropout(x, 0.5, self.training)


@breaks("elsewhere", "eval", "is a dict with 1 entry, not a tuple with 1 entry")
class _(Net):
    """the outputs come in another form"""

    def forward(self, x):
        y = super().forward(x)
        return {"out": y} if self.spliced else (y,)


@breaks("elsewhere", "eval", "Without the layer nothing should change")
class _(Net):
    """a configuration without the layer behaves otherwise"""

    splice = {"absent": True}

    def define(self):
        pass

    def middle(self, x):
        return x * 2 if self.spliced else x


@breaks("elsewhere", "eval", "With the old module put back")
class _(Net):
    """replace: the edit changed something else too"""

    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def middle(self, x):
        return self.layer(x)

    def tail(self, x):
        return super().tail(F.relu(x) if self.spliced else x)


@breaks("elsewhere", None, "not deterministic")
class _(Net):
    """a model that is not deterministic by itself cannot be proven"""

    source = random.SystemRandom()

    def tail(self, x):
        return super().tail(x) + self.source.random()


# --- consumed ------------------------------------------------------------------------------------


@breaks("consumed", "eval", "changes nothing: it is not used")
class _(Net):
    """the block's output is discarded"""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            self.layer_gate(x)
        return x


@breaks("consumed", "train", "not used")
class _(Net):
    """the block's output is discarded in train"""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            y = self.layer_gate(x)
            x = x if self.training else y
        return x


@breaks("consumed", "eval", "Not all that reads layer")
class _(Net):
    """one reader of the layer goes without the block"""

    def middle(self, x):
        y = self.layer(x)
        return y + (self.layer_gate(y) if self.spliced else y)


@breaks("consumed", "eval", "changes nothing")
class _(Net):
    """only one reader was to get the block's output, and none does"""

    splice = {"into": "later"}

    def middle(self, x):
        y = self.layer(x)
        if self.spliced:
            self.layer_gate(y)
        return y


@breaks("consumed", "eval", "by hand")
class _(Net):
    """only one reader was to get the block's output, and another one gets it as well"""

    splice = {"into": "later"}

    def middle(self, x):
        y = self.layer(x)
        if self.spliced:
            y = self.layer_gate(y)
        self.kept = y
        return y

    def tail(self, x):
        return self.head(F.relu(self.later(x) + self.kept).mean((2, 3)))


@breaks("consumed", "eval", "Not all that reads")
class _(Net):
    """one of two blocks is discarded"""

    splices = [splice(), splice(target="head", block="head_gate")]

    def define(self):
        super().define()
        if self.spliced:
            self.head_gate = nn.Linear(5, 5)

    def tail(self, x):
        x = super().tail(x)
        if self.spliced:
            self.head_gate(x)
        return x


@breaks("consumed", "train", "The model itself runs layer without gradients")
class _(Net):
    """the model runs the layer under no_grad, so the block would never train"""

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        with torch.no_grad():
            x = self.middle(x)
        return self.tail(x)


@breaks("consumed", "train", "No gradient reaches")
class _(Net):
    """the block's output is detached"""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x).detach() if self.spliced else x


@breaks("consumed", "train", "without gradients")
class _(Net):
    """the block runs under no_grad"""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            with torch.no_grad():
                x = self.layer_gate(x)
        return x


@breaks("consumed", "train", "no longer reaches layer.bias, layer.weight")
class _(Net):
    """the block is fed a detached output"""

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x.detach()) if self.spliced else x


@breaks("consumed", "train", "no longer reaches")
class _(Net):
    """a block without parameters is detached"""

    block = nn.Tanh

    def middle(self, x):
        x = self.layer(x)
        return self.layer_gate(x).detach() if self.spliced else x


@breaks("consumed", "train", "spare")
class _(Net):
    """a parameter of the block takes no part"""

    class block(Gate):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(3))


@breaks("consumed", "train", "zero or not finite")
class _(Net):
    """a parameter of the block has a gradient that is always zero"""

    class block(Gate):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return super().forward(x) + 0 * self.spare


@breaks("consumed", "train", "frozen")
class _(Net):
    """the model's own loop freezes the block"""

    def define(self):
        super().define()
        for parameter in self.parameters():
            parameter.requires_grad = False


@breaks("consumed", "train", "backward pass fails")
class _(Net):
    """an in-place operation overwrites what the block's backward needs"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return torch.sigmoid(x * self.scale)

    def middle(self, x):
        x = super().middle(x)
        return x.mul_(2)


@breaks("consumed", "train", "Nothing in the model reads")
class _(Net):
    """nobody reads the layer"""

    def middle(self, x):
        super().middle(x)
        return x


@breaks("consumed", "eval", "it is not used")
class _(Net):
    """a discarded block that draws random numbers does not look consumed"""

    block = Gate

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            F.dropout(self.layer_gate(x), 0.5)
        return F.dropout(x, 0.5, self.training)


@breaks("consumed", "eval", "does not reach")
class _(Net):
    """a discarded block in a model that gives integers, which hide it"""

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            self.layer_gate(x)
        return x

    def forward(self, x):
        return (super().forward(x) > 1e9).long()


# --- right splices -------------------------------------------------------------------------------


@holds
class _(Net):
    """a plain splice"""


@holds
class _(Net):
    """nested in a call"""

    def middle(self, x):
        return F.relu(self.layer_gate(self.layer(x)) if self.spliced else self.layer(x))


@holds
class _(Net):
    """a zero-initialised norm hides the branch of the layer"""

    def define(self):
        super().define()
        self.hiding = nn.BatchNorm2d(CHANNELS)
        nn.init.zeros_(self.hiding.weight)

    def middle(self, x):
        return x + self.hiding(super().middle(x))


@holds
class _(Net):
    """a block that starts as identity"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))
            self.inner = Gate()

        def forward(self, x):
            return x + self.gate * self.inner(x)


@holds
class _(Net):
    """a zero-initialised convolution closes the block"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(CHANNELS, CHANNELS, 1)
            self.b = nn.Conv2d(CHANNELS, CHANNELS, 1)
            nn.init.zeros_(self.b.weight)
            nn.init.zeros_(self.b.bias)

        def forward(self, x):
            return x + self.b(F.relu(self.a(x)))


@holds
class _(Net):
    """dropout before and after, in the block and around it"""

    class block(Gate):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.3, self.training)

    def middle(self, x):
        x = super().middle(F.dropout(x, 0.5, self.training))
        return F.dropout(x, 0.5, self.training)


class DropBlock(nn.Module):
    def __init__(self, keep=0.8):
        super().__init__()
        self.keep = keep

    def forward(self, x):
        if not self.training or self.keep == 1:
            return x
        mask = (torch.rand_like(x[:, :1]) < (1 - self.keep) / 9).to(x)
        mask = 1 - F.max_pool2d(mask, 3, 1, 1)
        return x * mask * mask.numel() / mask.sum().clamp(min=1)


@holds
class _(Net):
    """DropBlock, random and only active in train"""

    block = DropBlock


@holds
class _(Net):
    """DropBlock whose schedule starts with keeping all"""

    @staticmethod
    def block():
        return DropBlock(1)


@holds
class _(Net):
    """an activation without parameters"""

    block = nn.SiLU


@holds
class _(Net):
    """a block that works in place"""

    @staticmethod
    def block():
        return nn.ReLU(inplace=True)


@holds
class _(Net):
    """an in-place operation follows the layer and the block"""

    def middle(self, x):
        return F.relu_(super().middle(x))


@holds
class _(Net):
    """BatchNorm inside the block moves in train"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
            self.norm = nn.BatchNorm2d(CHANNELS)

        def forward(self, x):
            return x + F.relu(self.norm(self.conv(x)))


@holds
class _(Net):
    """tied weights stay tied"""

    def define(self):
        super().define()
        self.twin = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.twin.weight = self.layer.weight

    def middle(self, x):
        return self.twin(super().middle(x))


@holds
class _(Net):
    """a layer called in a loop, its block with it"""

    def middle(self, x):
        for _ in range(3):
            x = super().middle(x)
        return x


@holds
class _(Net):
    """all calls of the layer first, then all of the block"""

    def middle(self, x):
        outputs = [self.layer(x), self.layer(x.flip(0)), self.layer(-x)]
        if self.spliced:
            outputs = [self.layer_gate(y) for y in outputs]
        return sum(outputs)


@holds
class _(Net):
    """only the second call was asked for"""

    splice = {"calls": [2]}

    def middle(self, x):
        x = self.layer(self.layer(x))
        if self.spliced:
            x = self.layer_gate(x)
        return self.layer(x)


@holds
class _(Net):
    """two blocks, one for each call"""

    splices = [splice(calls=[1]), splice(calls=[2], block="layer_gate_2")]

    def define(self):
        super().define()
        if self.spliced:
            self.layer_gate_2 = Gate()

    def middle(self, x):
        x = super().middle(x)
        x = self.layer(x)
        return self.layer_gate_2(x) if self.spliced else x


class Checkpointed(Net):
    def middle(self, x):
        if self.training:
            return checkpoint(super().middle, x, use_reentrant=self.reentrant)
        return super().middle(x)


@holds
class _(Checkpointed):
    """a checkpoint with use_reentrant=False runs the block again in backward"""

    reentrant = False


@holds
class _(Checkpointed):
    """a checkpoint with use_reentrant=True hides the block from the graph"""

    reentrant = True


@holds
class _(Checkpointed):
    """a checkpoint around dropout in the block"""

    reentrant = True

    class block(Gate):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.4, self.training)


@holds
class _(Checkpointed):
    """a checkpoint around the layer only"""

    reentrant = False

    def middle(self, x):
        x = checkpoint(self.layer, x, use_reentrant=False) if self.training else self.layer(x)
        return self.layer_gate(x) if self.spliced else x


@holds
class _(Net):
    """forward is called by name"""

    def middle(self, x):
        x = self.layer.forward(x)
        return self.layer_gate.forward(x) if self.spliced else x


@holds
class _(Net):
    """buffers and tensor attributes that no state_dict has"""

    def define(self):
        super().define()
        self.register_buffer("offset", torch.randn(1, CHANNELS, 1, 1), persistent=False)
        self.table = torch.randn(1, CHANNELS, 1, 1)
        self.several = [torch.randn(1), {"a": torch.randn(1)}]
        self.hidden = [nn.Conv2d(CHANNELS, CHANNELS, 1)]

    def middle(self, x):
        x = super().middle(x + self.offset) * self.table
        return self.hidden[0](x) * self.several[0] + self.several[1]["a"]


@holds
class _(Net):
    """the model counts its steps and keeps a cache"""

    def define(self):
        super().define()
        self.steps = 0
        self.history = []
        self.cache = None

    def middle(self, x):
        self.steps += 1
        self.history.append(self.steps)
        if self.cache is None:
            self.cache = torch.linspace(0, 1, x.shape[-1])
        self.cache = self.cache + 0.1
        return super().middle(x) * self.cache + len(self.history)


@holds
class _(Net):
    """a generator of the model's own"""

    def define(self):
        super().define()
        self.source = torch.Generator().manual_seed(3)

    def middle(self, x):
        return super().middle(x + torch.randn(x.shape, generator=self.source))


@holds
class _(Net):
    """the output is a dict with scalars and None"""

    def forward(self, x):
        y = super().forward(x)
        return OrderedDict(out=y, aux=None, count=3, nested={"also": [y * 2]})


@dataclass
class Output:
    logits: object
    hidden: object = None


@holds
class _(Net):
    """the output is a dataclass"""

    def forward(self, x):
        y = super().forward(x)
        return Output(y, (y, y + 1))


@holds
class _(Net):
    """the output is a loss in train and a namedtuple in eval"""

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            return {"loss": F.cross_entropy(y, torch.zeros(len(y), dtype=torch.long))}
        return Pair(y, y.softmax(1))


@holds
class _(Net):
    """the output is an object that refers to itself, with an array and a list that comes twice"""

    class Result:
        pass

    def forward(self, x):
        result = self.Result()
        result.itself = result
        result.logits = super().forward(x)
        result.array = result.logits.detach().numpy()
        result.first = result.second = [result.logits, ()]
        return result


@holds
class _(Net):
    """the output is a generator"""

    def forward(self, x):
        y = super().forward(x)
        return (part for part in (y, y * 2))


@holds
class _(Net):
    """the output holds integers only"""

    def forward(self, x):
        return super().forward(x).argmax(1)


@holds
class _(Net):
    """softmax outputs sum to one"""

    def forward(self, x):
        return super().forward(x).softmax(1)


@holds
class _(Net):
    """the layer gives a tuple"""

    splice = {"element": 0}

    class Two(nn.Conv2d):
        def forward(self, x):
            y = super().forward(x)
            return y, [y * 2, {"more": y + 1}]

    def define(self):
        self.layer = self.Two(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        a, b = self.layer(x)
        if self.spliced:
            a = self.layer_gate(a)
        return a + b[0] + b[1]["more"]


@holds
class _(Net):
    """stochastic depth multiplies the branch by zero for some seeds"""

    def middle(self, x):
        keep = 1.0 if not self.training else float(torch.rand(1) < 0.3)
        return x + super().middle(x) * keep


@holds
class _(Net):
    """layer drop does not call the layer for some seeds"""

    def middle(self, x):
        if self.training and random.random() < 0.6:
            return x
        return x + super().middle(x)


@holds
class _(Net):
    """a dead ReLU in the block stops the gradient for some inputs"""

    @staticmethod
    def block():
        block = Gate(hidden=1)
        nn.init.constant_(block.reduce.weight, -1.0)
        nn.init.constant_(block.reduce.bias, -0.2)
        return block


@holds
class _(Net):
    """an auxiliary head runs in train only"""

    def middle(self, x):
        return super().middle(x) if self.training else x


@holds
class _(Net):
    """the layer runs in eval only"""

    def middle(self, x):
        return x if self.training else super().middle(x)


@holds
class _(Net):
    """the layer runs in eval too, where nobody reads it"""

    def middle(self, x):
        y = super().middle(x)
        return x + y if self.training else x


@holds
class _(Net):
    """the whole model is run without gradients"""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


@holds
class _(Net):
    """upstream is frozen"""

    def define(self):
        for parameter in self.parameters():
            parameter.requires_grad = False
        super().define()


@holds
class _(Net):
    """the model starts from a saturated softmax"""

    def forward(self, x):
        return (super().forward(x) * 1e6).softmax(1)


@holds
class _(Net):
    """before a layer"""

    splice = {"placement": "before"}

    def middle(self, x):
        if self.spliced:
            x = self.layer_gate(x)
        return self.layer(x)


@holds
class _(Net):
    """before a layer that takes its input by keyword and something else with it"""

    splice = {"placement": "before"}

    class Scaled(nn.Conv2d):
        def forward(self, *, scale, features):
            return super().forward(features) * scale

    def define(self):
        self.layer = self.Scaled(CHANNELS, CHANNELS, 1)
        super().define()

    def middle(self, x):
        return self.layer(scale=2, features=self.layer_gate(x) if self.spliced else x)


class Replaced(Net):
    splice = {"placement": "replace", "block": "layer"}

    def define(self):
        if self.spliced:
            self.layer = self.block()

    def middle(self, x):
        return self.layer(x)


@holds
class _(Replaced):
    """replace: a convolution by another of other keys and shapes"""

    @staticmethod
    def block():
        return nn.Sequential(
            OrderedDict(
                weightless=nn.Conv2d(CHANNELS, 4, 1, bias=False), out=nn.Conv2d(4, CHANNELS, 1)
            )
        )


@holds
class _(Net):
    """replace: a dropout by DropBlock"""

    splice = {"placement": "replace", "target": "drop", "block": "drop"}

    def define(self):
        self.drop = DropBlock() if self.spliced else nn.Dropout(0.5)

    def middle(self, x):
        return F.dropout(self.drop(self.layer(x)), 0.2, self.training)


@holds
class _(Net):
    """replace: an activation that is registered under two names"""

    splice = {"placement": "replace", "target": "act", "block": "act"}

    def define(self):
        self.act = nn.SiLU() if self.spliced else nn.ReLU(inplace=True)
        self.stages = nn.ModuleList([self.layer, self.act])

    def middle(self, x):
        for stage in self.stages:
            x = stage(x)
        return x


@holds
class _(Net):
    """a whole pattern at once, in a Sequential that is now a loop"""

    splices = [splice(target=f"features.{i}", block=f"features_{i}_gate") for i in (0, 2)]

    def define(self):
        self.features = nn.Sequential(
            nn.Conv2d(CHANNELS, CHANNELS, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(CHANNELS, CHANNELS, 1),
        )
        if self.spliced:
            self.features_0_gate = Gate()
            self.features_2_gate = Gate()

    def middle(self, x):
        if not self.spliced:
            return self.features(x)
        for layer in self.features:
            x = layer(x)
            if layer is self.features[0]:
                x = self.features_0_gate(x)
            if layer is self.features[2]:
                x = self.features_2_gate(x)
        return x


@holds
class _(Net):
    """the block sits under its layer, called by a forward hook"""

    splice = {"block": "layer.gate"}

    def define(self):
        if self.spliced:
            self.layer.gate = Gate()
            self.layer.register_forward_hook(lambda module, args, out: module.gate(out))

    def middle(self, x):
        return self.layer(x)


@holds
class _(Net):
    """the block is called in the layer's own forward"""

    class Layer(nn.Module):
        def __init__(self, spliced):
            super().__init__()
            self.conv = nn.Conv2d(CHANNELS, CHANNELS, 1)
            if spliced:
                self.gate = Gate()

        def forward(self, x):
            x = x + self.conv(x)
            return self.gate(x) if hasattr(self, "gate") else x

    splice = {"block": "layer.gate"}

    def define(self):
        self.layer = self.Layer(self.spliced)

    def middle(self, x):
        return self.layer(x)


@holds
class _(Net):
    """the layer has a hook of its own"""

    def define(self):
        super().define()
        self.layer.register_forward_hook(
            lambda module, args, out: setattr(self, "seen", out.detach())
        )


@holds
class _(Net):
    """weight_norm recomputes the layer's weight"""

    def define(self):
        super().define()
        self.layer = nn.utils.weight_norm(self.layer)


@holds
class _(Net):
    """spectral_norm moves a vector of its own in train"""

    def define(self):
        super().define()
        self.layer = nn.utils.spectral_norm(self.layer)


@holds
class _(Net):
    """lazy modules take their shapes from the first forward"""

    def define(self):
        self.layer = nn.LazyConv2d(CHANNELS, 1)
        super().define()


@holds
class _(Net):
    """hooks that the model registers at its first forward, and marks as registered"""

    ran = True
    hooked = False

    def middle(self, x):
        if not self.hooked:
            self.layer.register_forward_hook(lambda module, args, y: self.kept.append(y))
            self.hooked = True
        self.kept = []
        x = super().middle(x)
        return x + sum(self.kept)


@holds
class _(Net):
    """another configuration lacks the layer and stays as it is"""

    splice = {"absent": True}

    def define(self):
        pass

    def middle(self, x):
        return x


@holds
class _(Net):
    """the model's own values are not finite"""

    def forward(self, x):
        y = super().forward(x)
        return {"masked": y.masked_fill(torch.eye(5)[:2].bool(), float("-inf")), "plain": y}


@holds
class _(Net):
    """very deep and without norms"""

    def define(self):
        super().define()
        self.deep = nn.ModuleList([nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(60)])

    def middle(self, x):
        x = super().middle(x)
        for layer in self.deep:
            x = x + 3 * layer(x)
        return x


@holds
class _(Net):
    """the block takes tokens, through an adapter"""

    splice = {"adapter": True}

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(CHANNELS, CHANNELS)

        def forward(self, x):
            return x + self.mix(x)

    def middle(self, x):
        x = self.layer(x)
        if self.spliced:
            shape = x.shape
            x = self.layer_gate(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(shape)
        return x


@holds
class _(Net):
    """only one reader of the layer was to get the block's output"""

    splice = {"into": "later"}

    def middle(self, x):
        self.kept = y = self.layer(x)
        return self.layer_gate(y) if self.spliced else y

    def tail(self, x):
        return self.head(F.relu(self.later(x) + self.kept).mean((2, 3)))


@holds
class _(Net):
    """replace: every activation of the model at once"""

    names = ("act1", "act2", "act3")
    splices = [splice(placement="replace", target=name, block=name) for name in names]

    def define(self):
        for name in self.names:
            setattr(self, name, nn.SiLU() if self.spliced else nn.ReLU(inplace=True))

    def middle(self, x):
        return self.act3(self.layer(self.act2(self.act1(x) - 0.5)))


@holds
class _(Net):
    """before one layer and after another, in one run"""

    splices = [splice(), splice(placement="before", target="head", block="head_gate")]

    def define(self):
        super().define()
        if self.spliced:
            self.head_gate = nn.Sequential(nn.Linear(CHANNELS, CHANNELS), nn.Tanh())

    def tail(self, x):
        x = F.relu(self.later(x)).mean((2, 3))
        return self.head(self.head_gate(x) if self.spliced else x)


@holds
class _(Net):
    """experts that the input does not choose get no gradient"""

    class block(nn.Module):
        def __init__(self):
            super().__init__()
            self.experts = nn.ModuleList([Gate(), Gate()])
            self.router = nn.Linear(CHANNELS, 2)

        def forward(self, x):
            scores = self.router(x.mean((0, 2, 3))).softmax(0)
            best = int(scores.argmax())
            return self.experts[best](x) * scores[best]


@holds
class _(Net):
    """the inputs are drawn from the random module, with no seed"""

    @staticmethod
    def inputs(index):
        return (torch.tensor([random.random() for _ in range(384)]).view(2, 3, 8, 8),), {}


@holds
class _(Net):
    """the inputs are changed in place"""

    def forward(self, x):
        return super().forward(x.mul_(2))


# --- joins ---------------------------------------------------------------------------------------


def method(**changes):
    """A splice that joins the block's output with the layer's, as `methods.law` describes it."""
    given = {
        "fuse": None,
        "axis": 1,
        "linear": False,
        "position": 0,
        "features": False,
        "gated": False,
        "adapter": None,
        "parts": {},
        "sources": [],
        "projections": {},
        "resize": {},
    }
    return dict(given, **changes)


class Joined(Net):
    """stem, early (half the size), layer, head: what the cases join."""

    def __init__(self, spliced):
        super().__init__(spliced)
        self.early = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        early = self.early(x)
        x = F.avg_pool2d(x, 2)
        return self.tail(self.middle(x, early) + F.avg_pool2d(early, 2))


def gate_of(module):
    module.layer_gate_gate = nn.Parameter(torch.zeros(1))


@holds
class _(Joined):
    """beside: the sum of the layer's and the block's output"""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        return self.layer(x) + self.layer_gate(x) if self.spliced else self.layer(x)


@breaks("elsewhere", "eval", "cannot be computed by hand")
class _(Joined):
    """beside: a layer with a hook of its own, around which nothing can be put from outside"""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def define(self):
        super().define()
        self.layer.register_forward_hook(lambda layer, args, output: output * 1.0)

    def middle(self, x, early):
        return self.layer(x) + self.layer_gate(x) if self.spliced else self.layer(x)


@breaks("position", "eval", "is not fed what layer was fed")
class _(Joined):
    """beside: the branch is fed the layer's output"""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        y = self.layer(x)
        return y + self.layer_gate(y) if self.spliced else y


@breaks("elsewhere", "eval", "without effect")
class _(Joined):
    """beside: a product in the place of a sum"""

    splice = {"placement": "beside", "method": method(fuse="add")}

    def middle(self, x, early):
        return self.layer(x) * self.layer_gate(x) if self.spliced else self.layer(x)


@holds
class _(Joined):
    """after: a residual branch with a gate"""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)

    def middle(self, x, early):
        x = self.layer(x)
        return x + self.layer_gate_gate * self.layer_gate(x) if self.spliced else x


@breaks("elsewhere", "eval", "its gate closed")
class _(Joined):
    """the model's own initialisation opens the gate"""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)
            nn.init.constant_(self.layer_gate_gate, 0.3)

    def middle(self, x, early):
        x = self.layer(x)
        return x + self.layer_gate_gate * self.layer_gate(x) if self.spliced else x


@breaks("elsewhere", "eval", "its gate closed, later gives something else")
class _(Joined):
    """the gate is closed, and a layer that follows is fed something else, if too little to see"""

    splice = {
        "method": method(fuse="add", gated=True, parts={"gate": "layer_gate_gate"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            gate_of(self)

    def forward(self, x):
        early = self.early(F.relu(self.norm(self.stem(x))))
        y = self.layer(early)
        if self.spliced:
            y = y + self.layer_gate_gate * self.layer_gate(y)
        return 1e9 * y.sum() + self.tail(y * (1 + 1e-6) if self.spliced else y).sum()


class Concat(Joined):
    """R(cat(T(x), B(x)))"""

    splice = {
        "placement": "beside",
        "method": method(fuse="concat", parts={"reduce": "layer_gate_reduce"}),
    }

    def define(self):
        if self.spliced:
            super().define()
            self.layer_gate_reduce = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def middle(self, x, early):
        if not self.spliced:
            return self.layer(x)
        return self.layer_gate_reduce(torch.cat(self.both(x), 1))

    def both(self, x):
        return [self.layer(x), self.layer_gate(x)]


@holds
class _(Concat):
    """beside: the concatenation, reduced"""


@breaks("elsewhere", "eval", "without effect")
class _(Concat):
    """beside: concatenated in another order than the reduction is meant for"""

    def both(self, x):
        return [self.layer_gate(x), self.layer(x)]


class Both(nn.Module):
    """A block of two inputs."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x, other):
        return x + self.mix(torch.cat([x, F.adaptive_avg_pool2d(other, x.shape[2:])], 1))


@holds
class _(Joined):
    """interactive: the block reads another layer as well"""

    block = Both
    splice = {"method": method(sources=["early"])}

    def middle(self, x, early):
        x = self.layer(x)
        return self.layer_gate(x, early) if self.spliced else x


@breaks("position", "eval", "is not fed what layer gave and what early gave")
class _(Joined):
    """interactive: what is read was changed in place in between"""

    block = Both
    splice = {"method": method(sources=["early"])}

    def middle(self, x, early):
        kept = early
        x = self.layer(x)
        early.mul_(0.5)
        return self.layer_gate(x, kept) if self.spliced else x


class Fused(Joined):
    """What early and layer give, at the layer's size"""

    splice = {
        "block": "",
        "method": method(
            fuse="concat",
            features=True,
            position=1,
            sources=["early"],
            resize={"early": "bilinear"},
            parts={"reduce": "layer_fuse"},
        ),
    }
    mode = {"mode": "bilinear", "align_corners": False}

    def define(self):
        if self.spliced:
            self.layer_fuse = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def middle(self, x, early):
        x = self.layer(x)
        if self.spliced:
            early = F.interpolate(early, size=x.shape[2:], **self.mode)
            x = self.layer_fuse(torch.cat([early, x], 1))
        return x


@holds
class _(Fused):
    """fuse: the outputs of two scales"""


@breaks("consumed", "eval", "by hand")
class _(Fused):
    """fuse: resized in another way than was asked for"""

    mode = {"mode": "bilinear", "align_corners": True}


class Pair2(nn.Module):
    """A block that gives as many features as it takes."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(CHANNELS, 4, 1) for _ in range(2))

    def forward(self, *features):
        return tuple(conv(feature) for conv, feature in zip(self.convs, features))


class Pyramid(Joined):
    """Both features are bound anew behind the layer"""

    splice = {
        "method": method(
            sources=["early"],
            pyramid="layer",
            projections={"early": "layer_gate_early", "layer": "layer_gate_layer"},
            parts={"projections": ["layer_gate_early", "layer_gate_layer"]},
        )
    }
    everywhere = True

    def define(self):
        if self.spliced:
            self.layer_gate = Pair2()
            self.layer_gate_early = nn.Conv2d(4, CHANNELS, 1)
            self.layer_gate_layer = nn.Conv2d(4, CHANNELS, 1)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        early = old = self.early(x)
        x = self.layer(F.avg_pool2d(x, 2))
        if self.spliced:
            early, x = self.layer_gate(early, x)
            early, x = self.layer_gate_early(early), self.layer_gate_layer(x)
        early = early if self.everywhere else 0.5 * early + 0.5 * old
        return self.tail(x + F.avg_pool2d(early, 2))


@holds
class _(Pyramid):
    """pyramid: whatever reads the features later reads the block's outputs"""


@breaks("consumed", "eval", "by hand")
class _(Pyramid):
    """pyramid: something still reads a feature as it was"""

    everywhere = False


@holds
class _(Joined):
    """an adapter: the block is fed the axes in another order, and gives them back"""

    splice = {"method": method(adapter=[0, 1, 3, 2])}

    def middle(self, x, early):
        x = self.layer(x)
        return self.layer_gate(x.permute(0, 1, 3, 2)).permute(0, 1, 3, 2) if self.spliced else x


@pytest.mark.parametrize("case, law, mode, saying", WRONG)
def test_a_splice_that_breaks_a_law_is_caught_with_that_law(case, law, mode, saying):
    with pytest.raises(CheckFailed) as caught:
        proof(case)
    assert (caught.value.check, caught.value.mode or mode) == (
        law,
        mode or caught.value.mode,
    ), caught.value.message
    assert saying in caught.value.message


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_splice_passes(case):
    for seed in range(2):
        proof(case, seed)


# --- the report --------------------------------------------------------------------------------


def test_the_report_of_a_proof_gives_keys_cost_and_the_number_of_forwards():
    report = proof(Net)
    assert report["keys"] == {
        "added": [
            "layer_gate.reduce.weight",
            "layer_gate.reduce.bias",
            "layer_gate.expand.weight",
            "layer_gate.expand.bias",
        ],
        "lost": [],
        "reshaped": [],
    }
    assert report["params_added"] == 8 * 4 + 4 + 4 * 8 + 8
    assert report["macs_added"] == 2 * 8 * 4
    assert (report["forwards"], report["backwards"], report["notes"]) == (6, 1, [])


def test_a_replacement_reports_what_its_layer_lost_and_the_difference_in_cost():
    class Replacing(Replaced):
        @staticmethod
        def block():
            return nn.Sequential(OrderedDict(weight=nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)))

    report = proof(Replacing)
    assert report["keys"] == {
        "added": ["layer.weight.weight"],
        "lost": ["layer.weight", "layer.bias"],
        "reshaped": [],
    }
    assert report["params_added"] == 64 - (64 * 9 + 8)
    assert report["macs_added"] == 64 * 64 - 64 * 9 * 64


def test_a_replacement_of_the_same_keys_reports_their_new_shapes():
    class Replacing(Replaced):
        @staticmethod
        def block():
            return nn.Conv2d(CHANNELS, CHANNELS, 1)

    assert proof(Replacing)["keys"] == {"added": [], "lost": [], "reshaped": ["layer.weight"]}


NOTES = [
    ("argmax", lambda y, training: y.argmax(1), "hold no floating-point numbers"),
    ("inf", lambda y, training: [y, y[0] / 0], "not finite"),
    ("saturated", lambda y, training: (y * 1e7).softmax(1), "do not show it"),
]


@pytest.mark.parametrize("change, saying", [note[1:] for note in NOTES], ids=[n[0] for n in NOTES])
def test_what_was_judged_otherwise_is_said(change, saying):
    class Said(Net):
        def forward(self, x):
            return change(super().forward(x), self.training)

    assert any(saying in note for note in proof(Said)["notes"])


def test_the_first_error_of_the_original_model_is_passed_on():
    class Failing(Net):
        def forward(self, x):
            raise KeyError("the model's own")

    with pytest.raises(KeyError):
        proof(Failing)


@pytest.mark.parametrize(
    "module, shape, macs",
    [
        (nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4), (1, 8, 9, 9), 16 * 2 * 9 * 25),
        (nn.ConvTranspose2d(8, 4, 2, stride=2), (1, 8, 5, 5), 25 * 8 * 4 * 4),
        (nn.Conv1d(3, 5, 3), (1, 3, 10), 8 * 5 * 3 * 3),
        (nn.Conv3d(2, 3, 1), (1, 2, 4, 4, 4), 64 * 6),
        (nn.Linear(7, 9), (1, 6, 7), 6 * 63),
        (nn.MultiheadAttention(8, 2, batch_first=True), None, 4 * 5 * 64 + 2 * 2 * 25 * 4),
        (nn.BatchNorm2d(3), (1, 3, 4, 4), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_multiply_accumulates_are_those_of_the_textbook(module, shape, macs):
    from stitchgen.observer.cost import Counter

    with Counter() as counter:
        if shape is None:
            x = torch.randn(1, 5, 8)
            module(x, x, x, need_weights=False)
        else:
            module(torch.randn(shape))
    assert counter.macs == macs


def test_a_proof_leaves_no_trace_in_the_calls_of_the_models():
    torch.manual_seed(0)
    before, after = Net(False), Net(True)
    prove(before, after, [splice()], images)
    for model in (before, after):
        assert not any("forward" in vars(module) for module in model.modules())
