import torch.nn as nn


class VGG(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU())

    def forward(self, x):
        return self.net(x)


class ResNet(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU())

    def forward(self, x):
        return self.net(x)


class Model(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.opt = opt
        self.stages = {'Feat': opt.FeatureExtraction, 'Pred': opt.Prediction}
        if opt.FeatureExtraction == 'VGG':
            self.FeatureExtraction = VGG(opt.input_channel, opt.output_channel)
        elif opt.FeatureExtraction == 'ResNet':
            self.FeatureExtraction = ResNet(opt.input_channel, opt.output_channel)
        else:
            raise Exception('No FeatureExtraction module specified')
        self.pool = nn.AdaptiveAvgPool2d((None, 1))
        self.Prediction = nn.Linear(opt.output_channel, opt.num_class)

    def forward(self, input, text, is_train=True):
        visual_feature = self.FeatureExtraction(input)
        visual_feature = self.pool(visual_feature.permute(0, 3, 1, 2)).squeeze(3)
        return self.Prediction(visual_feature.contiguous())
