from torch import nn


def parse(path):
    with open(path) as file:
        rows = [line.split() for line in file.read().splitlines() if line]
    return [{"type": row[0], "width": int(row[1]), "stride": int(row[2])} for row in rows]


def create(rows):
    layers, channels = nn.ModuleList(), 3
    for number, row in enumerate(rows):
        unit = nn.Sequential()
        if row["type"] == "conv":
            unit.add_module(f"conv_{number}", nn.Conv2d(channels, row["width"], 3, row["stride"], 1))
            unit.add_module(f"norm_{number}", nn.BatchNorm2d(row["width"]))
            channels = row["width"]
        layers.append(unit)
    return layers


class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.rows = parse(path)
        self.layers = create(self.rows)

    def forward(self, x):
        outputs = []
        for row, layer in zip(self.rows, self.layers):
            if row["type"] == "conv":
                x = layer(x)
            elif row["type"] == "shortcut":
                x = outputs[-1] + outputs[row["width"]]
            outputs.append(x)
        return x
