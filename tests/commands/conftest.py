"""What a search needs is what its parts need."""

from tests.fairseq_plugin.conftest import corpus, space_yml
from tests.nas.conftest import predictor_pt, search_space, supernet

__all__ = ["corpus", "predictor_pt", "search_space", "space_yml", "supernet"]
