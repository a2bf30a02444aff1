import sys

sys.path.append("lib")

from flow import Flow

if __name__ == "__main__":
    print(len(list(Flow().parameters())))
