"""The observer: the one program that runs the user's model, with the user's Python.

It is started by path (`__main__.py`); the rest of the package imports `protocol` alone. It needs only torch
and the standard library (Python 3.8, torch 1.13). What it is asked and answers is in `protocol`.

    __main__    serves requests, one JSON object a line
    operations  the three of them: survey, evaluate, prove
    survey      builds and runs every configuration; `layers` reports what was seen
    expressions evaluates candidates for a channel count where a block would be created
    proof       runs the `checks` on the original and the edited model, by the runs of `forwards`
    models      builds a model of the `project` and finds `inputs` for it
    tracing     where in the user's source layers are created and called
    tensors     the state of models and their results: kept, perturbed, compared
    guard       forbids network, processes and writing

To see it at work, under a debugger if need be, name a file of recorded requests (CONTRIBUTING.md says how).
"""
