import torch


class Segmentation(torch.nn.Module):
    def __init__(self, feature_model, num_classes=40):
        super(Segmentation, self).__init__()
        self.feature_model = feature_model
        self.conv = torch.nn.Conv1d(self.feature_model.emb_dims, num_classes, 1)

    def forward(self, x):
        return self.conv(self.feature_model(x))


if __name__ == '__main__':
    from pointnet import PointNet
    print(Segmentation(PointNet())(torch.rand(10, 1024, 3)).shape)
