"""The knowledge graph: concepts with names in Chinese and English, their relations, and label maps.

`kg.load()` reads the ontology that is shipped in `kg/ontology`; the result
is immutable and shared. Nothing else of the project is imported here.
"""

from kg.errors import GraphError
from kg.graph import FACETS, Alias, Concept, Edge, Facet, Graph
from kg.linker import Mention
from kg.load import load

__all__ = ["FACETS", "Alias", "Concept", "Edge", "Facet", "Graph", "GraphError", "Mention", "load"]
