"""The house form of a file: the same values and comments, laid out one way."""
