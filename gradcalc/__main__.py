"""`python -m gradcalc`."""

from gradcalc.cli import run

if __name__ == "__main__":
    run()
