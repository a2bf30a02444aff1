import torch
from net import Net
from loss import make_criterion

if __name__ == '__main__':
    model = Net(4)
    criterion = make_criterion(4)
    optimizer = {'model': torch.optim.Adam(model.parameters()),
                 'center': torch.optim.SGD(criterion['center'].parameters(), lr=0.5)}
    criterion['center'].load_state_dict(torch.load('center_param.pth'))
    optimizer['center'].load_state_dict(torch.load('optimizer_center.pth'))
    model.load_state_dict(torch.load('model.pth'))
    optimizer['model'].load_state_dict(torch.load('optimizer.pth'))
