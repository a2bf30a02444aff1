import torch

from thin import Thin
from wide import Wide

assert [tuple(y.shape) for y in Thin()(torch.rand(1, 3, 4, 4))] == [(1, 3, 2, 2), (1, 12)]
assert len(list(Thin().children())) == 1
print(len(Wide(8)(torch.rand(1, 3, 4, 4))))
