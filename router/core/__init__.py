"""Values, protocols and errors; standard library only."""
