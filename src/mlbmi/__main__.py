"""`python -m mlbmi`: the command line."""

from mlbmi.cli import main

if __name__ == "__main__":
    main()
