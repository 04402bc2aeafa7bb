"""`python -m generator` is `groundset`."""

from generator.cli import main

if __name__ == "__main__":
    main()
