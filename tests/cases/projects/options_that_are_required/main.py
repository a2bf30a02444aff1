from net import Restorer
from option import opt

model = Restorer(opt.features, scales=opt.scale, residual=opt.residual)
if __name__ == "__main__":
    print(sum(parameter.numel() for parameter in model.parameters()))
