import torch.nn as nn


class Recogniser(nn.Module):
    """Frames through a backbone, and their mean."""

    def __init__(self, num_class, num_segments, base_model="small"):
        super().__init__()
        self.num_segments = num_segments
        if base_model == "small":
            from backbone import Small

            self.base_model = Small(num_class=num_class)
        else:
            raise ValueError(base_model)

    def forward(self, x):
        out = self.base_model(x.view((-1, 3) + x.shape[-2:]))
        return out.view(-1, self.num_segments, out.shape[1]).mean(1)

    def get_optim_policies(self):
        conv, linear, norm = [], [], []
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                conv.extend(m.parameters())
            elif isinstance(m, nn.Linear):
                linear.extend(m.parameters())
            elif isinstance(m, nn.BatchNorm2d):
                norm.extend(m.parameters())
            elif len(m._modules) == 0 and len(list(m.parameters())) > 0:
                raise ValueError("New atomic module type: {}. Need to give it a policy".format(type(m)))
        return [{"params": conv}, {"params": linear, "lr": 0.5}, {"params": norm, "weight_decay": 0}]
