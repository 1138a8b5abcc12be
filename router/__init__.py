"""Declarative LLM routing."""
