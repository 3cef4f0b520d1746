"""Bad input of mnvh.competition, in the form of CASES in test_bad_input.py."""

nan, inf = float("nan"), float("inf")


def off(name, *values, message=""):
    return [({name: value}, message or name) for value in (nan, "one", None, *values)]


CASES = {
    "competition.crowded_rate": (
        dict(intensity=[0.0, 1.0], rate=1.0, impact=0.5),
        *[({"intensity": value}, "intensity") for value in ([-1.0], [nan], "a", None)],
        *off("rate", 0.0, -1.0, inf),
        *off("impact", -0.5, inf),
    ),
    "competition.crowded_intensity": (
        dict(n=2, rate=1.0, impact=0.5, charge=0.1),
        *off("n", 0, 1.5),
        *off("rate", 0.0, -1.0, inf),
        *off("impact", 0.0, -0.5, inf),
        *off("charge", 0.0, -1.0, message="charge"),
        ({"charge": 0.0}, "without a charge only one harvester has an optimum"),
    ),
    "competition.shared_intensity": (
        dict(n=2, harvest=2.0, decay=3.0, cost=0.2),
        *off("n", 0, 1.5, 501),
        *off("harvest", 0.0, -1.0, inf),
        *off("decay", 0.0, -1.0, inf),
        *off("cost", 0.0, -1.0, inf),
    ),
}
