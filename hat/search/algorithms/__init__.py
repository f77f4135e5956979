"""Every search algorithm by the name that YAML files and flags use."""

from typing import Any

from hat.parts import Parts

_HERE = "hat.search.algorithms"

ALGORITHMS: Parts[Any] = Parts(
    "search algorithm",
    "hat.algorithms",
    {
        "evolution": f"{_HERE}.evolution:Evolution",
        "guided": f"{_HERE}.guided_evolution:RidgeGuidedEvolution",
        "guided-gcn": f"{_HERE}.guided_evolution:GraphGuidedEvolution",
        "aging": f"{_HERE}.aging_evolution:AgingEvolution",
        "tournament": f"{_HERE}.tournament_evolution:TournamentEvolution",
        "local": f"{_HERE}.local_search:LocalSearch",
        "nsga2": f"{_HERE}.nsga2:NSGA2",
        "random": f"{_HERE}.random_search:RandomSearch",
    },
    needs=("ask", "tell", "state_dict", "load_state_dict", "num_objectives", "least_round"),
)
"""HAT's evolution first; ``nsga2`` wants two objectives or more."""
