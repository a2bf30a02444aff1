models = {}


def register(name):
    def decorator(cls):
        models[name] = cls
        return cls

    return decorator


def make(spec, load_sd=False):
    model = models[spec["name"]](**spec["args"])
    if load_sd:
        model.load_state_dict(spec["sd"])
    return model
