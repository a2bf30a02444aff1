class Node(dict):
    __getattr__ = dict.__getitem__


_C = Node(MODEL=Node(WIDTH=20, NORM="batch"), SOLVER=Node(STEPS=(10, 20)))
