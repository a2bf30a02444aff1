"""Which pairs of old weights and a model's keys go by their order."""

from __future__ import annotations

import ast
import textwrap

import pytest

from stitchgen.project.paired_keys import pairings

BY_ORDER = {
    "the keys of a comprehension": """
        weights = torch.load(path)
        own = model.state_dict()
        weights = {key: value for (_, value), key in zip(weights.items(), own)}  # here
        """,
    "an argument": """
        def fill(model, pretrained):
            for (name, value), old in zip(model.state_dict().items(), pretrained.values()):  # here
                value.copy_(old)
        """,
    "parameters": """
        def fill(self, path):
            old = load_url(path)["model"]
            for parameter, value in zip(self.net.parameters(), old.values()):  # here
                parameter.data.copy_(value)
        """,
    "names by their number": """
        own = self.state_dict()
        names = list(own.keys())
        old = torchvision.models.vgg16(pretrained=True).state_dict()
        old_names = list(old.keys())
        for number, name in enumerate(names[:-4]):  # here
            own[name] = old[old_names[number]]
        """,
    "names in a method": """
        class Net:
            def load(self, path):
                keys = [key for key in self.state_dict()]
                for number, value in enumerate(torch.load(path).values()):
                    self.state_dict()[keys[number]].copy_(value)  # here
        """,
    "a list of pairs": """
        old = list(torch.load(path, map_location="cpu").items())
        own = model.state_dict()
        for pair, key in zip(old, own.keys()):  # here
            own[key] = pair[1]
        """,
}
BY_NAME = {
    "by name": """
        weights = torch.load(path)
        own = model.state_dict()
        own.update({key: value for key, value in weights.items() if key in own})
        """,
    "two models that are there": """
        for mine, theirs in zip(self.ema.state_dict().values(), model.state_dict().values()):
            mine.copy_(theirs)
        for mine, theirs in zip(target.parameters(), net.parameters()):
            mine.data.copy_(theirs)
        """,
    "gradients": """
        grads = torch.autograd.grad(loss, model.parameters())
        for parameter, grad in zip(model.parameters(), grads):
            parameter.grad = grad
        """,
    "other lists": """
        names = list(table.keys())
        first = names[0]
        for image, label in zip(images, labels.values()):
            pass
        """,
    "a first parameter": """
        parameters = list(model.parameters())
        device = parameters[0].device
        optimizer = SGD([{"params": parameters[:-2]}, {"params": parameters[-2:]}])
        """,
    "a name of keys, printed": """
        names = list(model.state_dict())
        print(names[0], names[-1])
        for name in names[:5]:
            print(name)
        """,
    "a name that is bound again": """
        names = list(model.state_dict())
        names = ["a", "b"]
        table[names[0]] = 1
        """,
    "a loader": """
        loader = make_loader()
        for parameter, batch in zip(model.parameters(), loader):
            pass
        """,
    "an average": """
        def update(model, ema_state):
            for mine, theirs in zip(model.parameters(), ema_state.values()):
                theirs.lerp_(mine, 0.1)
        """,
    "a key": """
        own = model.state_dict()
        weight = own["fc.weight"]
        """,
}


@pytest.mark.parametrize("text", BY_ORDER.values(), ids=BY_ORDER.keys())
def test_weights_by_their_order(text: str) -> None:
    text = textwrap.dedent(text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "# here" in line]
    assert [one.line for one in pairings(ast.parse(text))] == lines


@pytest.mark.parametrize("text", BY_NAME.values(), ids=BY_NAME.keys())
def test_what_does_not_go_by_the_order_of_old_weights(text: str) -> None:
    assert list(pairings(ast.parse(textwrap.dedent(text)))) == []
