"""Study notes out of a transcript, without a model. Pure functions on segments: no storage, no Redis, no clock; numpy where it counts.

The same transcript gives the same notes, on any machine: scores are rounded before they are compared, and what is equal stands in
the order of time.
"""
