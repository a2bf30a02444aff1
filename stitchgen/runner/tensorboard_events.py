"""The scalars of one of TensorBoard's event files, as JSON: python -c THIS FILE

Run in the user's Python, which has the tensorboard that wrote the file, or none: exit status 3.
"""

import json
import sys

NOT_INSTALLED = 3


def main(path: str) -> None:
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util import tensor_util
    except ImportError:
        sys.exit(NOT_INSTALLED)
    events = EventAccumulator(path, size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    found = {tag: [one.value for one in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:  # how TensorFlow writes scalars
        arrays = [tensor_util.make_ndarray(one.tensor_proto) for one in events.Tensors(tag)]
        if arrays and all(array.size == 1 and array.dtype.kind in "fiu" for array in arrays):
            found[tag] = [float(array.reshape(())) for array in arrays]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
