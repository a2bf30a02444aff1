import argparse
import os
from runpy import run_path

parser = argparse.ArgumentParser()
parser.add_argument("--task", default="Deblur", choices=["Deblur"])
args = parser.parse_args()

loaded = run_path(os.path.join(args.task, "net.py"))
model = loaded["Net"]()
print(type(model).__name__)
