"""`python -m stitchgen` is the console script."""

from stitchgen.cli.main import main

if __name__ == "__main__":
    main()
