def load_state_dict(model, state_dict, prefix="", ignore_missing="relative_position_index"):
    """Takes what fits, and prints what lacks."""
    own = model.state_dict()
    missing = [key for key in own if prefix + key not in state_dict and ignore_missing not in key]
    own.update({key: state_dict[prefix + key] for key in own if prefix + key in state_dict})
    model.load_state_dict(own)
    print("missing:", missing)
