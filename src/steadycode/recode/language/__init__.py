"""What the perturbations know of English: synonyms, inflections and parts of speech, offline."""
