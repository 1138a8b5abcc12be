"""Tests of routing: what a file expects of calls, held against the compiled table."""
