"""The one error of the knowledge graph."""


class GraphError(Exception):
    """An ontology file that is malformed, cyclic or dangling; or an unknown concept."""
