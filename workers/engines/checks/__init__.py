"""How a recording is checked: sound is decoded by a limited program, measured as a stream, judged, drawn and reported."""
