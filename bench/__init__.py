"""Figures that anyone can take again: `make bench`. Nothing here is a test."""
