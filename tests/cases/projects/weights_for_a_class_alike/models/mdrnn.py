import torch
import torch.nn as nn


class _Base(nn.Module):
    def __init__(self, latents, actions, hiddens):
        super().__init__()
        self.gmm_linear = nn.Linear(hiddens, latents)

    def forward(self, *inputs):
        pass


class MDRNN(_Base):
    """Many steps forward: trained."""

    def __init__(self, latents, actions, hiddens):
        super().__init__(latents, actions, hiddens)
        self.rnn = nn.LSTM(latents + actions, hiddens)

    def forward(self, actions, latents):
        outs, _ = self.rnn(torch.cat([actions, latents], dim=-1))
        return self.gmm_linear(outs)


class MDRNNCell(_Base):
    """One step forward: runs with the trained weights of MDRNN."""

    def __init__(self, latents, actions, hiddens):
        super().__init__(latents, actions, hiddens)
        self.rnn = nn.LSTMCell(latents + actions, hiddens)

    def forward(self, action, latent, hidden):
        hidden = self.rnn(torch.cat([action, latent], dim=1), hidden)
        return self.gmm_linear(hidden[0]), hidden
