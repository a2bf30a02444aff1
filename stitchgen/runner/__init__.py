"""The runner: what watches a training of a sweep, in the user's Python.

It is put on the path of the training (`path/sitecustomize.py`), so that Python imports it at its start; nothing in
the user's code knows of it. It needs the standard library and torch (Python 3.8, torch 1.13), and imports nothing of the rest.

    path/sitecustomize  what Python imports at its start
    start               seeds, and waits for torch to be imported
    hooks               says when a model is built, an optimizer made, a loader started, a step taken
    watcher             what happens then, in this process
    tape                the baseline's tensors and generator states: recorded, or put back
    blocks              was the block made, called, in an optimizer, and did it move
    cost                what the trained model costs
    files               what is written, and by which process

What it reads and writes is JSON and torch's files in the folder of one try (`stitchgen/sweep/folders.py`).
"""
