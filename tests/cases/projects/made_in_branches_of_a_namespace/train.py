import argparse

import torch

from net import Model

if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--FeatureExtraction', type=str, required=True, help='VGG|ResNet')
    parser.add_argument('--Prediction', type=str, required=True, help='CTC|Attn')
    parser.add_argument('--input_channel', type=int, default=1)
    parser.add_argument('--output_channel', type=int, default=64)
    opt = parser.parse_args()
    opt.num_class = 38
    model = Model(opt)
    print(model(torch.rand(2, 1, 32, 100), torch.zeros(2, 26)).shape)
