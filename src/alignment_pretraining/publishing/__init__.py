"""A finished study as repositories of the Hugging Face hub: what is published, its cards, and the upload."""
