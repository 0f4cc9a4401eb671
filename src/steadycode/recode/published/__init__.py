"""Style release: the rules of the published benchmark as they are, faults included, so that its
figures can be repeated. Nothing here is used by style sound."""
