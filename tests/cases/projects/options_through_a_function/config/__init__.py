from .base import _C as cfg
