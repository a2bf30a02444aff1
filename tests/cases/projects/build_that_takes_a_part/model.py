import torch.nn as nn



class Classifier(nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        x = self.features(x)
        return self.fc(x.mean((2, 3)))


class Detector(nn.Module):
    def __init__(self, boxes):
        super().__init__()
        self.stage = Classifier().features
        self.boxes = nn.Conv2d(16, 4 * boxes, 1)

    def forward(self, x):
        return self.boxes(self.stage(x))
