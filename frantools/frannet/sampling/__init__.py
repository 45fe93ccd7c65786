"""Schedules and samplers: from noise to colour. Nothing here knows a network."""
