import torch
import torch.nn as nn


class Series(nn.Module):
    def __init__(self, feat_dim=6, d_model=32, max_len=20):
        super().__init__()
        self.project = nn.Linear(feat_dim, d_model)
        layer = nn.TransformerEncoderLayer(d_model, 4, 64)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(d_model, feat_dim)

    def forward(self, x, masks):
        x = self.project(x.permute(1, 0, 2))
        x = self.encoder(x, src_key_padding_mask=~masks)
        x = self.dropout(x.permute(1, 0, 2))
        return self.out(x)
