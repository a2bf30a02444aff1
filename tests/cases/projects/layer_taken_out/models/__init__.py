from .pyramid import Pyramid
