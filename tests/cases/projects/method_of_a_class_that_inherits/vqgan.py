import torch
import torch.nn as nn


class VQModel(nn.Module):
    def __init__(self, ch=32, embed_dim=48):
        super().__init__()
        self.learning_rate = 1e-3
        self.encoder = nn.Conv2d(3, ch, 3, padding=1)
        self.quant_conv = nn.Conv2d(ch, embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, ch, 1)
        self.decoder = nn.Conv2d(ch, 3, 3, padding=1)

    def encode(self, x):
        h = self.encoder(x)
        h = self.quant_conv(h)
        return h

    def decode(self, quant):
        return self.decoder(self.post_quant_conv(quant))

    def forward(self, x):
        return self.decode(self.encode(x))

    def configure_optimizers(self):
        lr = self.learning_rate
        opt_ae = torch.optim.Adam(list(self.encoder.parameters())+
                                  list(self.decoder.parameters())+
                                  list(self.quant_conv.parameters())+
                                  list(self.post_quant_conv.parameters()),
                                  lr=lr, betas=(0.5, 0.9))
        return [opt_ae], []


class GumbelVQ(VQModel):
    def encode_to_prequant(self, x):
        h = self.encoder(x)
        h = self.quant_conv(h)
        return h
