import torch

from model import Tagger

torch.manual_seed(0)
model = Tagger(12).eval()
words = torch.rand(7, 2, 6)
one = model(words[:, :1], [torch.zeros(1, 1, 12)] * 2)
both = model(words, [torch.zeros(1, 2, 12)] * 2)
assert torch.allclose(one, both[:, :1], atol=1e-5), "a sequence depends on its neighbour in the batch"
