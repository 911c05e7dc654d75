"""The admin of generation, by noun."""

from generation.admin import attempts, jobs, panels, providers

__all__ = ["attempts", "jobs", "panels", "providers"]
