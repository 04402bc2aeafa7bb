"""A model, or the rules, proposes evaluation items."""
