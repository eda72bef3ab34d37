"""From documents to the token stream that each stage of each arm reads."""
