"""Who answers the drafting prompt."""
