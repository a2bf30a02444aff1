"""`stitchgen sweep`: variants of a project times seeds, run in pairs, with a report."""
