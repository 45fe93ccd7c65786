"""Comparisons of columns on a photo: rendering, measuring, caching, tables and recipes."""
