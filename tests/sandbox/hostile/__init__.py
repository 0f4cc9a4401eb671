"""Programs that misbehave on purpose, by family; ``attacks.py`` runs them."""
