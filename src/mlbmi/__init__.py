"""mlbmi: from an outline and two dates to a trustworthy, unsupervised map of vegetation."""
