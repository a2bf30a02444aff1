from torch import nn


class Tagger(nn.Module):
    def __init__(self, embedded=24, hidden=24, labels=5):
        super().__init__()
        self.words = nn.Embedding(50, embedded)
        self.lstm = nn.LSTM(embedded, hidden // 2, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(hidden, labels)

    def forward(self, words):
        output, _ = self.lstm(self.words(words))
        return self.classifier(output)
