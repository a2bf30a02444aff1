# flags: cbam --after model.py::Net.conv --build Net()
try:
    from torch import nn
except ImportError:
    nn = None
else:

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 3)

        def forward(self, x):
            return self.conv(x)
# output
from blocks.cbam import CBAM
try:
    from torch import nn
except ImportError:
    nn = None
else:

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 3)
            self.conv_cbam = CBAM(channels=16)

        def forward(self, x):
            return self.conv_cbam(self.conv(x))
