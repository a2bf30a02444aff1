from .pointnet import PointNet
from .segmentation import Segmentation
