import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(20, 16)
        self.rnn = nn.LSTM(16, 32, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(32, 5)

    def forward(self, tokens):
        x, _ = self.rnn(self.emb(tokens))
        x = self.drop(x)
        return self.out(x)

    def sentence(self, tokens):
        _, (h, _) = self.rnn(self.emb(tokens))
        return self.out(self.drop(h[-1]))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()

    def forward(self, tokens):
        return self.encoder(tokens)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()

    def forward(self, tokens):
        return self.encoder.sentence(tokens)
