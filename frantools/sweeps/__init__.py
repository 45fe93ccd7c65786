"""Sweeps: many settings on many pictures, in this process or on Dask."""
