"""Measures of restorations, their confidence intervals, and regions of interest."""
