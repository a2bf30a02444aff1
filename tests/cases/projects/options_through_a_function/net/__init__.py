from .body import Body


def build_model(cfg, num_classes, scale=2):
    return Body(num_classes, cfg.MODEL.WIDTH, scale, norm=cfg.MODEL.NORM)
