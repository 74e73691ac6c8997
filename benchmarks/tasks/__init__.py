"""One module per kind of task: how a truth entry is scored."""
