"""The world of the default study: stories in restricted English, in which who somebody is predicts what they do."""
