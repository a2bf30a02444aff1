import torch.nn as nn


class Model(nn.Module):
    def __init__(self, configs):
        super().__init__()
        self.task_name = configs.task_name
        self.embedding = nn.Linear(configs.enc_in, configs.d_model)
        self.encoder = nn.Linear(configs.d_model, configs.d_model)
        self.projection = nn.Linear(configs.d_model, configs.c_out)

    def forecast(self, x_enc, x_mark_enc):
        enc_out = self.embedding(x_enc)
        enc_out = self.encoder(enc_out)
        return self.projection(enc_out)

    def imputation(self, x_enc, mask):
        x_enc = x_enc.masked_fill(mask == 0, 0)
        enc_out = self.embedding(x_enc)
        enc_out = self.encoder(enc_out)
        return self.projection(enc_out)

    def forward(self, x_enc, x_mark_enc, mask=None):
        if self.task_name == 'forecast':
            return self.forecast(x_enc, x_mark_enc)
        if self.task_name == 'imputation':
            return self.imputation(x_enc, mask)
        return None
