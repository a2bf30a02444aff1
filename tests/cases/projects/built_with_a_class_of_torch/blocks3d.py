import torch
from torch import nn


class StackedConvBlocks(nn.Module):
    def __init__(self, num_convs, conv_op, input_channels, output_channels):
        super().__init__()
        self.convs = nn.Sequential(
            conv_op(input_channels, output_channels, 3, padding=1),
            *[conv_op(output_channels, output_channels, 3, padding=1) for i in range(1, num_convs)]
        )

    def forward(self, x):
        return self.convs(x)


if __name__ == '__main__':
    data = torch.rand((1, 3, 40, 32))

    stx = StackedConvBlocks(2, nn.Conv2d, 24, 16)
    model = nn.Sequential(nn.Conv2d(3, 24, 3), stx)
    import hiddenlayer as hl

    g = hl.build_graph(model, data, transforms=None)
