"""Measurements, and the pages that are made of them. See README.md beside this file."""
