"""Measure Lectern: against stock RQ, against bare faster-whisper, and against the goals it set itself. `make bench`."""
