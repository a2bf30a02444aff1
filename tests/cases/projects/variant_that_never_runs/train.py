import torch

from vae import VAE

if __name__ == "__main__":
    VAE(3, 10)(torch.randn(2, 3, 64, 64))[0].mean().backward()
    for widths in ([16, 32, 64, 128, 512], [64, 512]):
        model = VAE(3, 10, list(widths))
        size = 2 * 2 ** len(widths)
        model(torch.randn(2, 3, size, size))[0].mean().backward()
        print(widths, [n for n, p in model.named_parameters() if p.grad is None])
