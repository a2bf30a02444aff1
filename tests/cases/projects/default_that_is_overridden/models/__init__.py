from .psp import Psp
