import torch


def load_latent_vectors(path, lat_vecs):
    data = torch.load(path)
    if isinstance(data["latent_codes"], torch.Tensor):
        lat_vecs.weight.data.copy_(data["latent_codes"])
    else:
        lat_vecs.load_state_dict(data["latent_codes"])
    return data["epoch"]


def main(specs, path=None):
    arch = __import__("networks." + specs["NetworkArch"], fromlist=["Decoder"])
    decoder = arch.Decoder(256, **specs["NetworkSpecs"])
    lat_vecs = torch.nn.Embedding(10, 256)
    if path:
        load_latent_vectors(path, lat_vecs)
        decoder.load_state_dict(torch.load("decoder.pth"))
    return decoder


if __name__ == "__main__":
    print(main({"NetworkArch": "decoder", "NetworkSpecs": {"dims": [512] * 8, "latent_in": [4]}})(torch.rand(2, 259)).shape)
