"""Sample production logs, written for this project; they travel in the wheel. See README.md."""
