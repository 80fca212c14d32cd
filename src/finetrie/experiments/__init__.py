"""Grids of cells over sizes, methods and seeds, and what their learning curves say of more data."""
