"""Where in a clip somebody speaks: detectors in one shape, the truth they are judged by, pauses cut out."""
