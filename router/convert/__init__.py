"""Configurations of other programs, written as a router.yaml."""
