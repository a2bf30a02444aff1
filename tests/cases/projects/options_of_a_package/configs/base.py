class Options(dict):
    __getattr__ = dict.__getitem__


cfg = Options(width=20, stages=[1, 2], norm=True)
cfg.update(classes=len("abcdefg"))
