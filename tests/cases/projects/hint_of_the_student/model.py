import torch.nn as nn



class Student(nn.Module):
    def __init__(self, features, classes, width=32):
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.out = nn.Linear(width, classes)

    def forward(self, x):
        return self.out(self.hidden(x))


class Teacher(nn.Module):
    def __init__(self, features, classes, depth):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(features, features) for _ in range(depth))
        self.out = nn.Linear(features, classes)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return self.out(x)


class Loss(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, student, teacher):
        wanted = (teacher / self.temperature).softmax(-1)
        return -(wanted * (student / self.temperature).log_softmax(-1)).sum(-1).mean()
